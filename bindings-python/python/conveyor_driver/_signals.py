"""SIGINT and SIGTERM, while a manager runs."""

from __future__ import annotations

import os
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from ._session import Session


class Signals:
    """Within this, signals that nobody else handles stop a manager: the first drains, the second ends.

    Python runs a handler once its main thread does anything. A thread that begins to wait just when the
    signal comes would sleep over it, so each signal wakes a descriptor, too.
    """

    def __init__(
        self,
        session: Session,
        wanted: bool,
        numbers: tuple[signal.Signals, ...],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        main = threading.current_thread() is threading.main_thread()
        self._session = session
        self._numbers = numbers if wanted and main else ()
        self._loop = loop
        self._before: dict[signal.Signals, Any] = {}
        self._pipe: tuple[int, int] | None = None
        self._asked = False

    def __enter__(self) -> Signals:
        for number in self._numbers:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                self._before[number] = signal.signal(number, self._stop)
        if self._before:
            self._wake_by_descriptor()
        return self

    def _wake_by_descriptor(self) -> None:
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        other = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        if other != -1:
            # Whoever waits is woken by that one already.
            signal.set_wakeup_fd(other)
            os.close(read)
            os.close(write)
            return
        self._pipe = read, write
        if self._loop is not None:
            self._loop.add_reader(read, self._empty)

    def _stop(self, *_: object) -> None:
        native = self._session.native
        if self._asked:
            native.end_now()
        else:
            self._asked = True
            native.drain()

    def wait_for_end(self) -> None:
        """Waits until the manager has ended."""
        ended = self._session.ended
        if self._pipe is None:
            ended.wait()
            return
        import select

        read, write = self._pipe
        ended.call(lambda: os.write(write, b"\0"))
        while not ended.happened:
            select.select([read], [], [])
            self._empty()

    def _empty(self) -> None:
        if self._pipe is not None:
            try:
                os.read(self._pipe[0], 4096)
            except BlockingIOError:
                pass  # Another wake has emptied it.

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._stop:
                signal.signal(number, handler)
        if self._pipe is not None:
            read, write = self._pipe
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(read)
            other = signal.set_wakeup_fd(-1)
            if other not in (-1, write):
                # Somebody has come to listen meanwhile.
                signal.set_wakeup_fd(other, warn_on_full_buffer=False)
            os.close(read)
            os.close(write)

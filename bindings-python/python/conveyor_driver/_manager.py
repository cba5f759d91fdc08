"""Runs drivers: any number, on one connection."""

from __future__ import annotations

import signal
import sys

from . import _native
from ._codes import Closed
from ._driver import BaseDriver, Driver, is_async
from ._session import Session
from ._signals import Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import threading
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self, Unpack

    from ._documents import ManagerOptions
    from ._outcome import DrainReport
    from ._types import Reconcile
    from .testing import EmbeddedStream

__all__ = ["DriverManager"]


class DriverManager:
    """Runs drivers: any number, on one connection, once.

    ``run()`` blocks until it is stopped, ``await serve()`` does so within a running loop. ``async with``
    has it run while the block does, and so does ``with``, on threads alone.
    """

    def __init__(
        self,
        drivers: BaseDriver | Iterable[BaseDriver],
        *,
        stream: EmbeddedStream | None = None,
        **options: Unpack[ManagerOptions],
    ) -> None:
        """Takes drivers and the options of a manager; ``ManagerOptions`` describes them. What they do not
        give is filled from the environment. A driver may get its reconcile later, before the start.

        With ``stream`` it does not connect to a server. Raises ``OptionsInvalid`` for an option that is
        unknown or of the wrong type.
        """
        self._drivers = _drivers(drivers)
        if stream is not None and not hasattr(stream, "_native"):
            raise TypeError(f"stream: {type(stream).__qualname__} is no EmbeddedStream")
        self._options: dict[str, Any] = {**options}
        self._signals = bool(_native.manager_options(self._options)["signals"])
        self._stream = stream
        self._session: Session | None = None
        self._loop_thread: threading.Thread | None = None
        self._told_early: Callable[[_native.Manager], None] | None = None

    def run(self) -> DrainReport:
        """Runs until it is stopped, and returns its report.

        SIGINT (Ctrl-C) and SIGTERM drain, a second one ends every run now; unless ``signals`` is false or
        this is not the main thread. What another signal handler raises drains, too. ``async def`` handlers
        run on a loop of its own.
        """
        _refuse_running_loop("run()", "await serve()")
        if self._has_async():
            from . import _serving

            return _serving.run(self)
        session = self._begin(None)
        with Signals(session, self._signals, (signal.SIGINT, signal.SIGTERM)) as signals:
            try:
                signals.wait_for_end()
            except BaseException:
                # A signal handler of the user's raised: that is the stop.
                self._end(session)
                raise
        return session.result()

    async def serve(self) -> DrainReport:
        """Runs on the running loop until it is stopped, and returns its report.

        Cancelled, it drains before it raises; cancelled again, it ends every run now. SIGTERM drains as in
        ``run()`` when nobody else handles it; Ctrl-C is left to ``asyncio.run``, which cancels (before Python
        3.11 it drains, too).
        """
        from . import _serving

        # Before 3.11 asyncio.run cancels every task at Ctrl-C, the runs among them.
        interrupt = (signal.SIGINT,) if sys.version_info < (3, 11) else ()
        return await _serving.serve(self, signal.SIGTERM, *interrupt)

    def stop(self) -> None:
        """Asks it to drain: take no more events, give back those that have not started, let runs finish
        within ``shutdown_grace_ms``, then cancel them. Returns at once; from any thread."""
        self._tell(_native.Manager.drain)

    def end_now(self) -> None:
        """Ends every run now and gives its event back, so that another instance can take it. Returns at
        once; from any thread."""
        self._tell(_native.Manager.end_now)

    def _tell(self, what: Callable[[_native.Manager], None]) -> None:
        # Noted before the look at the session; the start does it the other way round.
        self._told_early = what
        if self._session is not None:
            what(self._session.native)

    def cancel(self, run_id: str, reason: str = "") -> int:
        """Cancels a run, for a reason that its result will name. Says how many of its events were in flight
        here: none when it is over, or with another instance."""
        return 0 if self._session is None else self._session.native.cancel(run_id, reason)

    @property
    def report(self) -> DrainReport | None:
        """What became of the events, once it has stopped."""
        return None if self._session is None else self._session.report

    async def __aenter__(self) -> Self:
        """Returns once every driver is ready to receive events."""
        from . import _serving

        await _serving.enter(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drains; cancelled again meanwhile, it ends every run now."""
        from . import _serving

        session = self._session
        assert session is not None, "it was entered"
        if error is not None and session.is_forked():
            return
        await _serving.leave(session)
        if error is None:
            session.result()

    def __enter__(self) -> Self:
        """Returns once every driver is ready to receive events. ``async def`` handlers run on a loop in a
        thread of its own."""
        _refuse_running_loop("with", "async with")
        self._refuse_second_start()
        if self._has_async():
            from . import _serving

            self._loop_thread = _serving.on_thread(self)
        session = self._session or self._begin(None)
        try:
            session.started.wait()
        except BaseException:
            self._end(session)
            raise
        if session.error is not None:
            raise session.error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drains."""
        session = self._session
        assert session is not None, "it was entered"
        if error is not None and session.is_forked():
            return  # Its own end is that of a process where it is not.
        self._end(session)
        if self._loop_thread is not None:
            self._loop_thread.join()
        if error is None:
            session.result()

    def _end(self, session: Session) -> None:
        """Drains; interrupted, it ends every run now."""
        session.native.drain()
        try:
            session.ended.wait()
        except BaseException:
            session.native.end_now()
            session.ended.wait()
            raise

    def _begin(self, loop: asyncio.AbstractEventLoop | None) -> Session:
        self._refuse_second_start()
        loop = loop if self._has_async() else None
        session = Session(self._handled(), self._options, self._stream, loop)
        session.start()
        self._session = session
        if self._told_early is not None:
            self._told_early(session.native)
        return session

    def _refuse_second_start(self) -> None:
        if self._session is not None:
            raise Closed("the manager was started before; make a new one")

    def _has_async(self) -> bool:
        return any(is_async(function) for _, function in self._handled())

    def _handled(self) -> list[tuple[BaseDriver, Reconcile]]:
        return [(driver, _handler(i, driver)) for i, driver in enumerate(self._drivers)]


def _drivers(drivers: BaseDriver | Iterable[BaseDriver]) -> list[BaseDriver]:
    if isinstance(drivers, BaseDriver):
        drivers = [drivers]
    try:
        found = list(drivers)
    except TypeError:
        raise TypeError(f"drivers: {_kind(drivers)} is no driver and no list of them") from None
    for i, driver in enumerate(found):
        if not isinstance(driver, BaseDriver):
            raise TypeError(f"drivers[{i}]: {_kind(driver)} is no driver")
        if not hasattr(driver, "_options"):
            raise TypeError(f"drivers[{i}]: {_kind(driver)}.__init__ does not call super().__init__()")
    return found


def _kind(value: object) -> str:
    return f"the class {value.__qualname__}" if isinstance(value, type) else type(value).__qualname__


def _handler(i: int, driver: BaseDriver) -> Reconcile:
    function = driver._handler()
    if function is None:
        how = "decorate one with @driver.reconcile" if isinstance(driver, Driver) else "it is a method"
        raise TypeError(f"drivers[{i}]: {driver!r} has no reconcile; {how}")
    return function


def _refuse_running_loop(this: str, other: str) -> None:
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        raise RuntimeError(f"{this} would hold up the loop that runs in this thread; use {other}")

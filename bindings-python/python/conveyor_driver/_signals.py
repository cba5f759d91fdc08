"""SIGINT and SIGTERM, while a manager runs."""

from __future__ import annotations

import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._session import Session


class Signals:
    """Within this, signals that nobody else handles stop a manager: the first drains, the second ends now."""

    def __init__(self, session: Session, wanted: bool, *numbers: signal.Signals) -> None:
        main = threading.current_thread() is threading.main_thread()
        self._session = session
        self._numbers = numbers if wanted and main else ()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        for number in self._numbers:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                self._before[number] = signal.signal(number, self._stop)

    def _stop(self, *_: object) -> None:
        native = self._session.native
        if native.state in ("draining", "ended"):
            native.end_now()
        else:
            native.drain()

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

"""What the runtime itself says, as records of ``logging`` under the name ``conveyor_driver``."""

from __future__ import annotations

import os
import sys
import threading

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    #: When in nanoseconds, the level, who, what and its fields.
    _Record = tuple[int, int, str, str, dict[str, Any]]

_LOCK = threading.Lock()
_LISTENER: _Listener | None = None
_MOST = 2048
_INFO = 20


def listen() -> None:
    """Hands records on from now on. Level debug only when the logger has it now."""
    global _LISTENER
    with _LOCK:
        if _LISTENER is None or _LISTENER.pid != os.getpid():
            _LISTENER = _Listener(_level())


def close() -> None:
    """Hands on what is left."""
    with _LOCK:
        if _LISTENER is not None and _LISTENER.pid == os.getpid():
            _LISTENER.hand_on()


def _level() -> int:
    """Info, since most who lower the level do so later; it costs little."""
    logging = sys.modules.get("logging")
    if logging is None:
        return _INFO
    return min(int(logging.getLogger("conveyor_driver").getEffectiveLevel()), _INFO)


class _Listener:
    def __init__(self, level: int) -> None:
        self.pid = os.getpid()
        self._logs = _native.LibraryLogs(level)
        # From taking records until they are handled, so that who comes second knows of all. A handler
        # may come here itself.
        self._handing_on = threading.RLock()
        threading.Thread(target=self._listen, name="conveyor-logging", daemon=True).start()

    def _listen(self) -> None:
        while True:
            self._logs.wait()
            self.hand_on()

    def hand_on(self) -> None:
        with self._handing_on:
            while records := self._logs.take(_MOST):
                _handle(records)


def _handle(records: list[_Record]) -> None:
    import logging

    for record in records:
        try:
            _log(record)
        except Exception:
            # A handler or filter of the user's raised; the others are to hear of the rest.
            if logging.raiseExceptions and sys.stderr is not None:
                import traceback

                traceback.print_exc()


def _log(said: _Record) -> None:
    import logging

    nanos, level, target, message, fields = said
    logger = logging.getLogger(target.replace("::", "."))
    if not logger.isEnabledFor(level):
        return
    message += "".join(f" {name}={value}" for name, value in fields.items())
    record = logger.makeRecord(logger.name, level, "", 0, message, (), None)
    record.created = nanos / 1e9
    record.msecs = nanos // 1_000_000 % 1000
    logger.handle(record)

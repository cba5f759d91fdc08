"""What code says through ``logging`` and ``print`` inside a run, as lines of the run's log."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from ._context import current_run
from ._run import RunLog

__all__ = ["LogHandler", "capture_print"]


class LogHandler(logging.Handler):
    """Sends every record inside a run to the log of that run. Records outside of a run pass by.

    The logger's name becomes the label ``logger``::

        logging.basicConfig(level=logging.INFO, handlers=[LogHandler()])
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record as a line."""
        run = current_run()
        if run is None:
            return
        try:
            _method(run.log, record.levelno)(self.format(record), logger=record.name)
        except Exception:
            self.handleError(record)


def _method(log: RunLog, level: int) -> Any:
    if level >= logging.ERROR:
        return log.error
    if level >= logging.WARNING:
        return log.warning
    return log.info if level >= logging.INFO else log.debug


@contextlib.contextmanager
def capture_print() -> Iterator[None]:
    """Within this, what ``print`` writes inside a run becomes lines of the run's log.

    Standard output gets level info, standard error level warning; the label ``stream`` says which. What
    is printed outside of every run goes where it went before.
    """
    with _LOCK:
        captures = [_Printed.capture(stream) for stream in ("stdout", "stderr")]
    try:
        yield
    finally:
        with _LOCK:
            for capture in captures:
                capture.release()


_LOCK = threading.Lock()


class _Printed:
    """Text that is handed on: to the run's log by the line, or as it is."""

    def __init__(self, beside: TextIO, stream: str) -> None:
        self._beside = beside
        self._stream = stream
        #: Who shares it: they come and go in any order.
        self._users = 0

    @classmethod
    def capture(cls, stream: str) -> _Printed:
        """What captures this stream of ``sys`` now, for one more."""
        current = getattr(sys, stream)
        printed = current if isinstance(current, cls) else cls(current, stream)
        setattr(sys, stream, printed)
        printed._users += 1
        return printed

    def release(self) -> None:
        """With one less; the last puts back what was there, unless somebody has replaced it since."""
        self._users -= 1
        if not self._users and getattr(sys, self._stream) is self:
            setattr(sys, self._stream, self._beside)

    def write(self, text: str) -> int:
        run = current_run()
        if run is None or not self._users:
            return self._beside.write(text)
        if run._printed is None:
            run._printed = {}
        begun = run._printed.pop(self._stream, "") + text
        *lines, rest = begun.split("\n")
        for line in lines:
            run._print_line(self._stream, line)
        if rest:
            run._printed[self._stream] = rest
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        # What has no line end yet waits for it, or for the end of the run.
        if current_run() is None:
            self._beside.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beside, name)

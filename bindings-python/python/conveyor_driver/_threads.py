"""Runs ``def`` handlers: on Python threads that take runs from the core's queue."""

from __future__ import annotations

import contextvars
import threading

from ._context import CURRENT
from ._result import fail, finish
from ._run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import _native
    from ._types import Reconcile

#: How long a thread waits for a run before it looks again.
_LOOK_SECONDS = 3600.0


class ThreadHost:
    """Serves a queue with threads: as many as runs were in flight at once, ``most`` at most. A thread
    whose run is cancelled and goes on does not count: it may never come back."""

    def __init__(self, queue: _native.Queue, handlers: Mapping[str, Reconcile], most: int) -> None:
        self._queue = queue
        self._handlers = handlers
        self._most = most
        self._threads = 0
        self._starting = False
        self._running: set[int] = set()
        self._overdue: set[int] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Starts the first thread."""
        self._grow()

    def wait(self, seconds: float) -> None:
        """Waits until the manager is in another state or runs are told to end, for so long at most."""
        self._queue.wait_for_notice(seconds)
        _, cancelled, _ = self._queue.take(0)
        with self._lock:
            self._overdue.update(self._running.intersection(cancelled))
        if cancelled and not self._queue.idle:
            self._grow()

    def _grow(self) -> None:
        with self._lock:
            if self._starting or self._threads >= self._most + len(self._overdue):
                return
            self._starting = True
            self._threads += 1
            name = f"{next(iter(self._handlers))}-{self._threads}"
        try:
            threading.Thread(target=self._serve, args=(name,), name=name, daemon=True).start()
        except RuntimeError:
            # The system gives no more threads, or the interpreter ends: those that are here go on.
            with self._lock:
                self._starting = False
                self._threads -= 1

    def _serve(self, name: str) -> None:
        driver, _, number = name.rpartition("-")
        thread = threading.current_thread()
        queue = self._queue
        self._starting = False
        while not queue.closed:
            native = queue.next(_LOOK_SECONDS)
            if native is None:
                continue
            key = native.key
            with self._lock:
                self._running.add(key)
                may_grow = self._threads < self._most + len(self._overdue)
            # Somebody is there for the next run, however long this one takes.
            if may_grow and not queue.idle:
                self._grow()
            if native.driver != driver:
                driver = native.driver
                thread.name = f"{driver}-{number}"
            contextvars.copy_context().run(_reconcile, native, self._handlers[driver])
            # Nothing of the run lives on in a thread that waits.
            del native
            with self._lock:
                self._running.discard(key)
                self._overdue.discard(key)
                if self._threads > self._most + len(self._overdue):
                    self._threads -= 1
                    return


def _reconcile(native: _native.Run, function: Reconcile) -> None:
    run = Run(native)
    CURRENT.set(run)
    try:
        try:
            returned = function(run)
        finally:
            if run._printed:
                run._end_of_print()
        finish(native, returned)  # type: ignore[arg-type]
    except BaseException as error:
        # SystemExit and its like, too: one run does not end the others.
        fail(native, error)
    finally:
        # What nobody could tell is given back.
        native.drop()

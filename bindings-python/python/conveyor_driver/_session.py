"""A manager from its start to its end: the core's half, and the threads and tasks that serve it."""

from __future__ import annotations

import atexit
import os
import threading
import weakref

from . import _library, _native
from ._driver import is_async
from ._error import ConveyorError
from ._moment import Moment
from ._threads import ThreadHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ._driver import BaseDriver
    from ._outcome import DrainReport
    from ._tasks import TaskHost
    from ._types import Reconcile
    from .testing import EmbeddedStream

#: How often the loop of ``async def`` handlers is looked after.
_LOOK_SECONDS = 0.5
_LONG_SECONDS = 3600.0


class Session:
    """One start of a manager. Makes nothing but Python threads, which are daemons."""

    def __init__(
        self,
        drivers: Sequence[tuple[BaseDriver, Reconcile]],
        options: Mapping[str, Any],
        stream: EmbeddedStream | None,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.started = Moment()
        self.ended = Moment()
        self.report: DrainReport | None = None
        self.error: ConveyorError | None = None
        self._loop = loop
        self._pid = os.getpid()
        self._queues: list[_native.Queue] = []
        hosted: list[tuple[Mapping[str, Any], _native.Queue]] = []
        of_threads = {d.options["name"]: f for d, f in drivers if not is_async(f)}
        of_tasks = {d.options["name"]: f for d, f in drivers if is_async(f)}
        self._threads: ThreadHost | None = None
        self._tasks: TaskHost | None = None
        queues: dict[bool, _native.Queue] = {}
        if of_threads:
            queues[False] = _native.Queue(False)
            most = sum(d.options["concurrency"] for d, f in drivers if not is_async(f))
            self._threads = ThreadHost(queues[False], of_threads, most)
        if of_tasks:
            from ._tasks import TaskHost

            assert loop is not None, "async handlers have a loop"
            queues[True] = _native.Queue(True)
            self._tasks = TaskHost(queues[True], of_tasks, loop)
        for driver, function in drivers:
            hosted.append((driver.options, queues[is_async(function)]))
        self._queues.extend(queues.values())
        embedded = None if stream is None else stream._native
        self.native = _native.Manager(hosted, dict(options), embedded)

    def start(self) -> None:
        """Starts, and does not wait for that."""
        _library.listen()
        self.native.start()
        _SESSIONS.add(self)
        if self._threads is not None:
            self._threads.start()
        if self._tasks is not None:
            self._tasks.start()
        threading.Thread(target=self._watch, name="conveyor-watch", daemon=True).start()

    def result(self) -> DrainReport:
        """What the end was."""
        if self.error is not None:
            raise self.error
        assert self.report is not None, "it has ended"
        return self.report

    def is_forked(self) -> bool:
        """Whether this is a fork of the process that it was started in."""
        return os.getpid() != self._pid

    def check_loop(self) -> None:
        """Raises ``RuntimeError`` on another loop than the one it was started on."""
        import asyncio

        if self._loop is not None and asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("the manager was started on another loop")

    def close_tasks(self) -> None:
        """On the loop: listens no more."""
        if self._tasks is not None:
            self._tasks.stop()

    def _watch(self) -> None:
        try:
            report = None
            while report is None:
                self._wait()
                if not self.started.happened and self._has_started():
                    self.started.happen()
                report = self.native.wait_ended(0)
            from ._outcome import DrainReport

            self.report = DrainReport(*report)
        except ConveyorError as error:
            self.error = error
        self._close_queues()
        self.started.happen()
        self.ended.happen()
        _SESSIONS.discard(self)

    def _has_started(self) -> bool:
        try:
            return self.native.wait_started(0)
        except ConveyorError:
            return False  # Its end says why, and whether it is an error.

    def _wait(self) -> None:
        """Until it has started or ended, a run of a thread is cancelled, or the loop wants a look."""
        most = _LONG_SECONDS if self._loop is None else _LOOK_SECONDS
        if self._threads is not None:
            self._threads.wait(most)
        elif self.started.happened:
            self.native.wait_ended(most)
        else:
            try:
                self.native.wait_started(most)
            except ConveyorError:
                pass  # Its end says why.
        self._look_after_loop()

    def _look_after_loop(self) -> None:
        if self._loop is not None and self._loop.is_closed():
            # Nobody runs its tasks any more.
            self.native.end_now()
            self._close_queues()

    def _close_queues(self) -> None:
        for queue in self._queues:
            queue.close()

    def at_exit(self) -> None:
        """Ends before the interpreter does."""
        try:
            loop = self._loop
            if loop is not None and not loop.is_running():
                self.native.end_now()
            else:
                self.native.drain()
            self.ended.wait()
        except KeyboardInterrupt:
            self.native.end_now()
            self.ended.wait()


#: Those that have started and not ended.
_SESSIONS: weakref.WeakSet[Session] = weakref.WeakSet()
_FORGOTTEN: list[Session] = []


def _at_exit() -> None:
    for session in list(_SESSIONS):
        session.at_exit()
    _library.close()


def _in_fork() -> None:
    # Their threads are not here. What they hold is never freed: its locks may be held for ever.
    _FORGOTTEN.extend(_SESSIONS)
    _SESSIONS.clear()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_fork)

"""Runs ``async def`` handlers: as tasks on the loop that serves."""

from __future__ import annotations

import asyncio
import sys
import threading

from . import _native
from ._context import CURRENT
from ._result import fail, finish
from ._run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Mapping
    from typing import Any

    from ._types import Reconcile

#: How many runs are started before the loop does anything else.
_BURST = 64


class TaskHost:
    """Serves a queue with tasks, woken by its descriptor once for a burst of runs."""

    def __init__(
        self,
        queue: _native.Queue,
        handlers: Mapping[str, Reconcile],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._loop = loop
        self._thread = threading.get_ident()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._cancelled: set[asyncio.Task[None]] = set()
        self._tickets: dict[int, Callable[[], object]] = {}
        self._early: set[int] = set()
        self._stopped = False
        self._lock = threading.Lock()
        self._start = _starter(loop)
        queue.when_full(self._wait_for_room)

    def start(self) -> None:
        """Listens from now on."""
        self._loop.add_reader(self._queue.fileno(), self._drain)

    def stop(self) -> None:
        """Listens no more."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._queue.fileno())
        with self._lock:
            # Nobody hears of room any more, and nobody needs it.
            self._stopped = True
            left, self._tickets = self._tickets, {}
        for call in left.values():
            call()

    def _drain(self) -> None:
        runs, cancelled, accepted = self._queue.take(_BURST)
        for native in runs:
            key = native.key
            task = self._start(self._reconcile(native, key))
            if not task.done():
                self._tasks[key] = task
        for key in cancelled:
            cancelled_task = self._tasks.pop(key, None)
            if cancelled_task is not None:
                # It may never come to its own end, when it has not begun.
                self._cancelled.add(cancelled_task)
                cancelled_task.add_done_callback(self._cancelled.discard)
                cancelled_task.cancel()
        for ticket in accepted:
            with self._lock:
                call = self._tickets.pop(ticket, None)
                if call is None:
                    # Another thread has it, and has not come to wait for it yet.
                    self._early.add(ticket)
            if call is not None:
                call()

    async def _reconcile(self, native: _native.Run, key: int) -> None:
        run = Run(native)
        run._task = asyncio.current_task(self._loop)
        CURRENT.set(run)
        try:
            try:
                returned = await self._handlers[native.driver](run)  # type: ignore[misc]
            finally:
                if run._printed:
                    run._end_of_print()
            finish(native, returned)
        except asyncio.CancelledError:
            pass  # Cancelled by the core, it is answered as that; else it is given back.
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            fail(native, error)
        finally:
            # What nobody could tell is given back.
            native.drop()
            # The task's context holds the run: together they would wait for the garbage collector.
            run._task = None
            self._tasks.pop(key, None)

    def _wait_for_room(self, ticket: int) -> _native.Accepted | _Room:
        """What a log call that found no room returns; on another thread than the loop's it waits here."""
        if threading.get_ident() == self._thread:
            room = _Room(self._loop.create_future())
            self._expect(ticket, room.accepted)
            return room
        event = threading.Event()
        self._expect(ticket, event.set)
        event.wait()
        return _native.ACCEPTED

    def _expect(self, ticket: int, call: Callable[[], object]) -> None:
        with self._lock:
            if ticket not in self._early and not self._stopped:
                self._tickets[ticket] = call
                return
            self._early.discard(ticket)
        call()


class _Room:
    """Awaited until a line has its place."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self._future = future

    def accepted(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def __await__(self) -> Generator[Any, None, None]:
        # Whoever is cancelled while waiting does not cancel it for others.
        return asyncio.shield(self._future).__await__()


def _starter(
    loop: asyncio.AbstractEventLoop,
) -> Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]:
    if sys.version_info >= (3, 12):
        return lambda coroutine: asyncio.Task(coroutine, loop=loop, eager_start=True)
    return loop.create_task

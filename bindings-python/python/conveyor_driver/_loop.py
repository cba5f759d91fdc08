"""A loop of the manager's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

#: How long tasks may take that are cancelled at the end.
_LAST_SECONDS = 1.0


def run_on_loop(main: Coroutine[Any, Any, _T]) -> _T:
    """``asyncio.run``, except that it does not wait for ever for tasks that do not heed their
    cancellation: the runs among them were abandoned."""
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return _run(loop, main)
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=_LAST_SECONDS))
            for task in asyncio.all_tasks(loop):
                # asyncio would complain of each; the runtime has done so already.
                task._log_destroy_pending = False  # type: ignore[attr-defined]
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _run(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, _T]) -> _T:
    task = loop.create_task(main)
    interrupted: KeyboardInterrupt | None = None
    while True:
        try:
            result = loop.run_until_complete(task)
        except KeyboardInterrupt as interrupt:
            if task.done():
                raise
            # It drains at the first, and ends now at the second.
            task.cancel()
            interrupted = interrupt
        except asyncio.CancelledError:
            if interrupted is None:
                raise
            raise interrupted from None
        else:
            if interrupted is not None:
                raise interrupted
            return result

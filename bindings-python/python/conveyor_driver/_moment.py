"""Something that happens once, for threads and loops to wait for."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Moment:
    """Happens once. Set by any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], object]] = []

    def happen(self) -> None:
        """It is now, or was before."""
        with self._lock:
            self._event.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def call(self, call: Callable[[], object]) -> None:
        """Has it called when it happens, by the thread that sets it; now, when it has happened."""
        with self._lock:
            if not self._event.is_set():
                self._calls.append(call)
                return
        call()

    @property
    def happened(self) -> bool:
        """Whether it is past."""
        return self._event.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for it; signals are handled meanwhile."""
        return self._event.wait(seconds)

    async def wait_async(self) -> None:
        """Waits for it on the running loop."""
        import asyncio
        import contextlib

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not future.done():
                future.set_result(None)

        def tell() -> None:
            # A loop that was closed has nobody waiting.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle)

        with self._lock:
            if self._event.is_set():
                return
            self._calls.append(tell)
        try:
            await future
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._calls.remove(tell)

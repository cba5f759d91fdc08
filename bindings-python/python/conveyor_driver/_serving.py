"""A manager on a loop."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

from ._loop import run_on_loop
from ._signals import Signals

if TYPE_CHECKING:
    from ._manager import DriverManager
    from ._outcome import DrainReport
    from ._session import Session


def run(manager: DriverManager) -> DrainReport:
    """Runs it on a loop of its own; signals stop it."""
    return run_on_loop(serve(manager, signal.SIGINT, signal.SIGTERM))


async def serve(manager: DriverManager, *signals: signal.Signals) -> DrainReport:
    """Runs it on the running loop until it is stopped; these signals stop it."""
    session = manager._begin(asyncio.get_running_loop())
    with Signals(session, manager._signals, signals, asyncio.get_running_loop()):
        try:
            await session.ended.wait_async()
        except asyncio.CancelledError:
            await _end(session)
            raise
        finally:
            session.close_tasks()
    return session.result()


async def enter(manager: DriverManager) -> None:
    """Starts it, and returns once it has started."""
    session = manager._begin(asyncio.get_running_loop())
    try:
        await session.started.wait_async()
    except asyncio.CancelledError:
        await _end(session)
        session.close_tasks()
        raise
    if session.error is not None:
        session.close_tasks()
        raise session.error


async def leave(session: Session) -> None:
    """Drains it."""
    session.check_loop()
    session.native.drain()
    try:
        await session.ended.wait_async()
    except asyncio.CancelledError:
        await _end(session)
        raise
    finally:
        session.close_tasks()


async def _end(session: Session) -> None:
    """Drains in a task that was cancelled; cancelled again, it ends every run now."""
    session.native.drain()
    while not session.ended.happened:
        try:
            await session.ended.wait_async()
        except asyncio.CancelledError:
            session.native.end_now()


def on_thread(manager: DriverManager) -> threading.Thread:
    """Starts it on a loop in a thread of its own."""
    begun = threading.Event()
    failed: list[BaseException] = []

    async def main() -> None:
        try:
            session = manager._begin(asyncio.get_running_loop())
        finally:
            begun.set()
        try:
            await session.ended.wait_async()
        finally:
            session.close_tasks()

    def work() -> None:
        try:
            run_on_loop(main())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="conveyor-loop", daemon=True)
    thread.start()
    begun.wait()
    if manager._session is None:
        thread.join()
        raise failed[0]
    return thread

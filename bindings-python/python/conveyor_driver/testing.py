"""Drivers in unit tests: on an event stream in this process, without a server.

::

    from conveyor_driver.testing import run_driver

    def test_it_greets() -> None:
        outcome = run_driver(driver, {"name": "Ada", "resource": "greeting"})
        assert outcome.result.message == "hello, Ada"
        assert outcome.lines == ["greeting Ada"]
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from . import _native
from ._arguments import seconds
from ._codes import TimedOut
from ._documents import LogEntry
from ._driver import BaseDriver
from ._manager import DriverManager, _refuse_running_loop
from ._outcome import DrainReport
from ._result import DriverResult

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._documents import ManagerOptions

__all__ = [
    "ARunDriver",
    "DriverAnswer",
    "EmbeddedStream",
    "RunDriver",
    "TestOutcome",
    "arun_driver",
    "run_driver",
]

#: How long a thread waits before it looks whether it was interrupted.
_LOOK_UP_SECONDS = 0.1
#: How long a loop waits before it looks for a result again: twice as long each time.
_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05


class DriverAnswer(TypedDict):
    """A result as it was published."""

    #: The driver that answered.
    driver: str
    #: Whether the pipeline goes on.
    success: bool
    #: One line for people.
    message: str
    #: Anything later steps may need.
    data: Any


class EmbeddedStream:
    """An event stream in this process that keeps JetStream's promises, for ``DriverManager(stream=...)``.

    What it holds is gone with it.
    """

    def __init__(self) -> None:
        self._native = _native.Embedded()

    def post(
        self,
        resource: Mapping[str, Any],
        *,
        event: str = "create",
        run_id: str | None = None,
        driver: str | None = None,
    ) -> str:
        """Posts an event about a resource, as the control plane does it, and returns its run id. It goes to
        all drivers of the resource's type, or to one. Start the drivers before."""
        run = str(uuid.uuid4()) if run_id is None else run_id
        self._native.post(resource, event, run, driver)
        return run

    def results(self, run_id: str, count: int = 1, *, timeout: float = 60.0) -> list[DriverAnswer]:
        """Waits for so many results of a run. Raises ``TimedOut`` when they do not come in time."""
        end = time.monotonic() + seconds("timeout", timeout)
        while True:
            left = max(0.0, end - time.monotonic())
            found = self._native.wait_results(run_id, count, min(left, _LOOK_UP_SECONDS))
            if found is not None:
                return found
            if left == 0:
                raise _too_late(run_id, timeout)

    def result(self, run_id: str, *, timeout: float = 60.0) -> DriverResult:
        """Waits for the result of a run. Raises ``TimedOut`` when it does not come in time."""
        return _result(self.results(run_id, timeout=timeout))

    async def aresult(self, run_id: str, *, timeout: float = 60.0) -> DriverResult:
        """The same without holding up the loop."""
        # No thread waits for it: cancelled, there is nothing left that could hold up the end.
        end = time.monotonic() + seconds("timeout", timeout)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            left = max(0.0, end - time.monotonic())
            found = self._native.wait_results(run_id, 1, 0)
            if found is not None:
                return _result(found)
            if left == 0:
                raise _too_late(run_id, timeout)
            await asyncio.sleep(min(left, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def log(self, run_id: str | None = None) -> list[LogEntry]:
        """The stored log lines of a run, or of all, in their order."""
        return self._native.log(run_id)

    def dead_letters(self) -> list[bytes]:
        """The messages that no driver could read."""
        return self._native.dead_letters()


@dataclass(frozen=True)
class TestOutcome:
    """What became of an event."""

    __test__ = False

    #: The result that was published.
    result: DriverResult
    #: The run's log, all attempts, in order.
    log: Sequence[LogEntry]
    #: How often reconcile was called.
    attempts: int
    #: What the manager said at its end.
    report: DrainReport

    @property
    def lines(self) -> list[str]:
        """The text of each log line."""
        return [entry["message"] for entry in self.log]


def run_driver(
    driver: BaseDriver,
    resource: Mapping[str, Any],
    *,
    event: str = "create",
    timeout: float = 60.0,
    **options: Unpack[ManagerOptions],
) -> TestOutcome:
    """Runs one event through a driver to its answer. Raises ``TimedOut`` when none comes in time.

    An ``async def`` handler runs on a loop in a thread of its own; in a test that is itself a coroutine use
    ``arun_driver``.
    """
    _refuse_running_loop("run_driver()", "await arun_driver(), in pytest the fixture conveyor_arun")
    stream = EmbeddedStream()
    with DriverManager([driver], stream=stream, **options) as manager, _ending(manager):
        run = stream.post(_typed(driver, resource), event=event)
        result = stream.result(run, timeout=timeout)
    return _outcome(stream, run, result, manager)


async def arun_driver(
    driver: BaseDriver,
    resource: Mapping[str, Any],
    *,
    event: str = "create",
    timeout: float = 60.0,
    **options: Unpack[ManagerOptions],
) -> TestOutcome:
    """The same on the running loop."""
    stream = EmbeddedStream()
    async with DriverManager([driver], stream=stream, **options) as manager:
        with _ending(manager):
            run = stream.post(_typed(driver, resource), event=event)
            result = await stream.aresult(run, timeout=timeout)
    return _outcome(stream, run, result, manager)


class RunDriver(Protocol):
    """``run_driver``, for the annotation of the fixture ``conveyor_run``."""

    def __call__(
        self,
        driver: BaseDriver,
        resource: Mapping[str, Any],
        *,
        event: str = "create",
        timeout: float = 60.0,
        **options: Unpack[ManagerOptions],
    ) -> TestOutcome: ...


class ARunDriver(Protocol):
    """``arun_driver``, for the annotation of the fixture ``conveyor_arun``."""

    async def __call__(
        self,
        driver: BaseDriver,
        resource: Mapping[str, Any],
        *,
        event: str = "create",
        timeout: float = 60.0,
        **options: Unpack[ManagerOptions],
    ) -> TestOutcome: ...


@contextlib.contextmanager
def _ending(manager: DriverManager) -> Iterator[None]:
    """Has what goes wrong end the manager now: nobody waits for the run any more."""
    try:
        yield
    except BaseException:
        manager.end_now()
        raise


def _result(answers: Sequence[DriverAnswer]) -> DriverResult:
    answer = answers[0]
    return DriverResult(answer["success"], answer["message"], answer["data"])


def _too_late(run_id: str, timeout: float) -> TimedOut:
    return TimedOut(f"the run {run_id} was not answered within {timeout} s")


def _typed(driver: BaseDriver, resource: Mapping[str, Any]) -> dict[str, Any]:
    return {"resource": driver.resources[0], **resource} if driver.resources else {**resource}


def _outcome(stream: EmbeddedStream, run: str, result: DriverResult, manager: DriverManager) -> TestOutcome:
    report = manager.report
    assert report is not None, "it has ended"
    return TestOutcome(result, stream.log(run), report.drivers[0].runs, report)

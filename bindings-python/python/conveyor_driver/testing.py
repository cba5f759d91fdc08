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
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from . import _native
from ._codes import TimedOut
from ._documents import LogEntry
from ._driver import BaseDriver
from ._manager import DriverManager
from ._outcome import DrainReport
from ._result import DriverResult

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._documents import ManagerOptions

__all__ = ["DriverAnswer", "EmbeddedStream", "TestOutcome", "arun_driver", "run_driver"]


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
        found = self._native.wait_results(run_id, count, timeout)
        if found is None:
            raise TimedOut(f"the run {run_id} was not answered within {timeout} s")
        return found

    def result(self, run_id: str, *, timeout: float = 60.0) -> DriverResult:
        """Waits for the result of a run. Raises ``TimedOut`` when it does not come in time."""
        answer = self.results(run_id, timeout=timeout)[0]
        return DriverResult(answer["success"], answer["message"], answer["data"])

    async def aresult(self, run_id: str, *, timeout: float = 60.0) -> DriverResult:
        """The same without holding up the loop."""
        return await asyncio.to_thread(self.result, run_id, timeout=timeout)

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
    stream = EmbeddedStream()
    with DriverManager([driver], stream=stream, **options) as manager:
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
        run = stream.post(_typed(driver, resource), event=event)
        result = await stream.aresult(run, timeout=timeout)
    return _outcome(stream, run, result, manager)


def _typed(driver: BaseDriver, resource: Mapping[str, Any]) -> dict[str, Any]:
    return {"resource": driver.resources[0], **resource} if driver.resources else {**resource}


def _outcome(stream: EmbeddedStream, run: str, result: DriverResult, manager: DriverManager) -> TestOutcome:
    report = manager.report
    assert report is not None, "it has ended"
    return TestOutcome(result, stream.log(run), report.drivers[0].runs, report)

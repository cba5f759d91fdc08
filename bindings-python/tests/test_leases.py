"""User code that blocks for longer than the ack wait keeps its lease, on a real server."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from conveyor_driver import Driver, DriverManager, DriverResult, Run
from nats_world import NatsWorld, eventually


def hold_the_gil(seconds: float) -> None:
    """Nothing else of Python runs meanwhile: one call of C code that never lets go."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # A sum over a range does not release the interpreter; some 0.3 s each.
        sum(range(20_000_000))


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("block", [time.sleep, hold_the_gil])
def test_a_handler_that_blocks_keeps_its_lease(
    nats: NatsWorld, greeter: Callable[..., Driver], kind: str, block: Callable[[float], None]
) -> None:
    attempts: list[int] = []

    def reconcile(run: Run) -> DriverResult:
        attempts.append(run.attempt)
        block(3)
        return DriverResult.success("done")

    async def reconcile_async(run: Run) -> DriverResult:
        return reconcile(run)

    driver = greeter(reconcile if kind == "def" else reconcile_async, ack_wait_ms=1000, concurrency=2)
    with DriverManager(driver, connection={"url": nats.url}) as manager:
        nats.post("run-1")
        answers = eventually(nats.results, "the run is not answered")
    assert answers["run-1"][0]["success"]
    assert attempts == [1]
    assert manager.report is not None
    assert (manager.report.drivers[0].succeeded, manager.report.drivers[0].lease_lost) == (1, 0)

"""What a driver holds after many events. ``LEAK_EVENTS`` says how many."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conveyor_driver import Driver, DriverManager, DriverResult, Run
from conveyor_driver.testing import EmbeddedStream
from nats_world import NatsWorld, eventually

EVENTS = int(os.environ.get("LEAK_EVENTS", "20000"))


def resident_kib() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("skipped: resident memory is read from /proc")
    return int(next(line for line in status.read_text().splitlines() if "VmRSS" in line).split()[1])


def reconcile(run: Run) -> DriverResult:
    run.log("hello", n=1)
    assert run.resource["name"]
    if run.resource["name"].endswith("7"):
        raise ValueError("seven")
    return DriverResult.success("done", {"a": [1, "x"]})


async def reconcile_async(run: Run) -> DriverResult:
    return reconcile(run)


def settled(nats: NatsWorld) -> bool:
    consumer = nats.consumer("greeter")
    return not consumer.num_pending and not consumer.num_ack_pending


@pytest.mark.parametrize("function", [reconcile, reconcile_async])
def test_memory_is_flat_over_many_events(
    nats: NatsWorld, greeter: Callable[..., Driver], function: Any
) -> None:
    driver = greeter(function, concurrency=16, serialize="none")
    batch = EVENTS // 10
    sizes: list[int] = []
    with DriverManager(driver, connection={"url": nats.url}) as manager:
        for _ in range(10):
            nats.post(*(f"run-{len(sizes)}-{n}" for n in range(batch)))
            eventually(lambda: settled(nats), "the events are not settled")
            gc.collect()
            sizes.append(resident_kib())
    assert manager.report is not None
    assert manager.report.drivers[0].runs == 10 * batch
    # The first batches fill caches of bounded size, among them the ids of finished events.
    assert sizes[-1] - sizes[4] < 3 * 1024, sizes


@pytest.mark.parametrize("function", [reconcile, reconcile_async])
def test_nothing_of_a_run_is_kept(greeter: Callable[..., Driver], function: Any) -> None:
    runs: list[weakref.ref[Any]] = []
    results: list[DriverResult] = []

    def remember(run: Run) -> DriverResult:
        runs.append(weakref.ref(run))
        results.append(DriverResult.success("done", {"n": len(runs)}))
        return results[-1]

    async def remember_async(run: Run) -> DriverResult:
        return remember(run)

    handler = remember if function is reconcile else remember_async
    stream = EmbeddedStream()
    gc.collect()
    gc.disable()
    try:
        with DriverManager(greeter(handler, concurrency=4), stream=stream):
            for n in range(200):
                stream.result(stream.post({"name": str(n), "resource": "greeting"}))
    finally:
        gc.enable()
    # Nothing waits for the garbage collector.
    assert len(runs) == 200
    assert not [run for run in runs if run() is not None]
    # The list, and the loop's own name for it.
    assert {sys.getrefcount(result) for result in results} == {3}


def test_a_manager_and_its_drivers_can_be_let_go_of(greeter: Callable[..., Driver]) -> None:
    kept: list[weakref.ref[Any]] = []
    for handler in (reconcile, reconcile_async):
        driver = greeter(handler)
        with DriverManager(driver, stream=EmbeddedStream()) as manager:
            pass
        session = manager._session
        assert session is not None
        hosts = [host for host in (session._threads, session._tasks) if host is not None]
        kept += [weakref.ref(each) for each in (manager, session, driver, *hosts)]
        del manager, driver, session, hosts
    gc.collect()
    assert [ref() for ref in kept] == [None] * len(kept)


def test_a_manager_leaves_no_descriptor(greeter: Callable[..., Driver]) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    if not Path("/proc/self/fd").exists():
        pytest.skip("skipped: descriptors are counted in /proc")
    counts = []
    for _ in range(4):
        for handler in (reconcile, reconcile_async):
            with DriverManager(greeter(handler), stream=EmbeddedStream()):
                pass
        counts.append(descriptors())
    assert counts[1:] == counts[:1] * 3

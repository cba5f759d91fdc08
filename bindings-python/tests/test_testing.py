"""What tests of drivers are given."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conveyor_driver import Driver, DriverManager, DriverResult, Run, TimedOut
from conveyor_driver.testing import ARunDriver, EmbeddedStream, RunDriver, arun_driver

ADA = {"name": "Ada", "resource": "greeting"}

#: Nothing here may end by a time limit: whoever does not hear of an end waits longer than its program may last.
PROGRAM = """
import asyncio, os, signal, threading, time
from conveyor_driver import Driver, DriverManager, TimedOut
from conveyor_driver.testing import EmbeddedStream, arun_driver, run_driver
LONG = 80_000
ADA = {{"name": "Ada", "resource": "greeting"}}
driver = Driver("greeter", resources=["greeting"], cancel_grace_ms=LONG * 1000)
stream = EmbeddedStream()
@driver.reconcile
{kind} reconcile(run):
    {body}
try:
    {wait}
except {expected}:
    print("heard", flush=True)
"""

WITHIN = """
    manager = DriverManager(driver, stream=stream)
    {with_} manager:
        try:
            run = stream.post(ADA)
            {wait}
        except BaseException:
            manager.end_now()
            raise
"""


def within(wait: str) -> str:
    return WITHIN.format(with_="with", wait=wait).strip()


def within_async(wait: str) -> str:
    block = WITHIN.format(with_="async with", wait=wait).rstrip().replace("\n", "\n    ")
    return f"async def main():{block}\n    asyncio.run(main())"


INTERRUPT = "os.kill(os.getpid(), signal.SIGINT); "


@pytest.mark.parametrize(
    ("kind", "wait"),
    [
        ("def", "run_driver(driver, ADA, timeout=LONG, shutdown_grace_ms=LONG * 1000)"),
        ("async def", "run_driver(driver, ADA, timeout=LONG, shutdown_grace_ms=LONG * 1000)"),
        ("def", "asyncio.run(arun_driver(driver, ADA, timeout=LONG, shutdown_grace_ms=LONG * 1000))"),
        ("def", within("stream.result(run, timeout=LONG)")),
        ("def", within("stream.results(run, 2, timeout=LONG)")),
        ("def", within_async("await stream.aresult(run, timeout=LONG)")),
    ],
)
def test_ctrl_c_ends_the_wait_for_a_result(
    program: Callable[..., subprocess.CompletedProcess[str]], kind: str, wait: str
) -> None:
    body = "time.sleep(LONG)" if kind == "def" else "await asyncio.sleep(LONG)"
    source = PROGRAM.format(kind=kind, body=INTERRUPT + body, wait=wait, expected="KeyboardInterrupt")
    ended = program(source)
    assert ended.stdout == "heard\n", ended.stderr


@pytest.mark.parametrize(
    "wait",
    [
        "run_driver(driver, ADA, timeout=0.3, shutdown_grace_ms=LONG * 1000)",
        "asyncio.run(arun_driver(driver, ADA, timeout=0.3, shutdown_grace_ms=LONG * 1000))",
    ],
)
def test_a_run_that_is_too_late_is_not_waited_for(
    program: Callable[..., subprocess.CompletedProcess[str]], wait: str
) -> None:
    ended = program(PROGRAM.format(kind="def", body="time.sleep(LONG)", wait=wait, expected="TimedOut"))
    assert ended.stdout == "heard\n", ended.stderr


def test_who_waits_for_results_takes_no_thread_from_the_handlers(conveyor_stream: EmbeddedStream) -> None:
    driver = Driver("greeter", resources=["greeting"], concurrency=10, serialize="none")

    @driver.reconcile
    async def reconcile(run: Run) -> DriverResult:
        return DriverResult.success(await asyncio.to_thread(lambda: "from a thread"))

    async def test() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with DriverManager(driver, stream=conveyor_stream):
            runs = [conveyor_stream.post(ADA) for _ in range(10)]
            results = await asyncio.gather(*(conveyor_stream.aresult(run, timeout=20) for run in runs))
        assert {result.message for result in results} == {"from a thread"}

    asyncio.run(test())


def test_a_result_that_does_not_come_is_an_error(conveyor_stream: EmbeddedStream) -> None:
    with pytest.raises(TimedOut):
        conveyor_stream.result("run-1", timeout=0)
    with pytest.raises(TimedOut):
        asyncio.run(conveyor_stream.aresult("run-1", timeout=0.05))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run_id": 3}, "run_id: int is not text"),
        ({"count": -1}, "count: -1 is not a count"),
        ({"count": "1"}, "count: 1 is not a count"),
        ({"timeout": None}, "timeout: NoneType is not a number of seconds"),
        ({"timeout": -1}, "timeout: -1 is not a time in seconds"),
    ],
)
def test_a_wrong_argument_is_named(
    conveyor_stream: EmbeddedStream, options: dict[str, Any], words: str
) -> None:
    arguments = {"run_id": "run-1", "timeout": 0, **options}
    with pytest.raises(TypeError) as wrong:
        conveyor_stream.results(**arguments)
    assert str(wrong.value) == words
    if "count" not in options:
        with pytest.raises(TypeError) as wrong:
            asyncio.run(conveyor_stream.aresult(**arguments))
        assert str(wrong.value) == words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event": 3}, "event: int is not text"),
        ({"run_id": 3}, "run_id: int is not text"),
        ({"driver": 3}, "driver: int is not text"),
        ({"run_id": "\udcff"}, "run_id: holds a lone surrogate, which is not text"),
    ],
)
def test_a_wrong_argument_of_a_post_is_named(
    conveyor_stream: EmbeddedStream, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError) as wrong:
        conveyor_stream.post(ADA, **options)
    assert str(wrong.value) == words
    with pytest.raises(TypeError, match="^run_id: int is not text"):
        conveyor_stream.log(3)  # type: ignore[arg-type]


def test_arun_driver_runs_on_the_loop_of_the_test(greeter: Callable[..., Driver]) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()

        async def reconcile(run: Run) -> DriverResult:
            return DriverResult.success(str(asyncio.get_running_loop() is loop))

        assert (await arun_driver(greeter(reconcile), ADA)).result.message == "True"
        blocking = greeter(lambda run: DriverResult.success(threading.current_thread().name))
        assert (await arun_driver(blocking, ADA)).result.message == "greeter-1"

    asyncio.run(test())


def test_the_fixtures_are_there(
    conveyor_run: RunDriver, conveyor_arun: ARunDriver, greeter: Callable[..., Driver]
) -> None:
    assert conveyor_run(greeter(lambda run: None), ADA).result.succeeded
    assert asyncio.run(conveyor_arun(greeter(lambda run: None), ADA)).result.succeeded


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_in_a_coroutine_the_other_fixture_is_named(
    conveyor_run: RunDriver, greeter: Callable[..., Driver], kind: str
) -> None:
    async def reconcile(run: Run) -> None: ...

    driver = greeter(reconcile if kind == "async def" else lambda run: None)

    async def test() -> None:
        with pytest.raises(RuntimeError, match=r"arun_driver\(\).* conveyor_arun"):
            conveyor_run(driver, ADA)

    asyncio.run(test())

"""How a manager is run, stopped, and what it refuses."""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import conveyor_driver
from conveyor_driver import (
    Closed,
    ConveyorError,
    Driver,
    DriverManager,
    DriverResult,
    MessageInvalid,
    OptionsInvalid,
    Run,
    Unavailable,
)
from conveyor_driver._session import Session
from conveyor_driver.testing import EmbeddedStream
from nats_world import NatsWorld, eventually

ADA = {"name": "Ada", "resource": "greeting"}
LOOPS: list[Any] = [asyncio.new_event_loop]
try:
    import uvloop

    LOOPS.append(uvloop.new_event_loop)
except ImportError:  # pragma: no cover - the tests install it
    pass


async def hello_async(run: Run) -> DriverResult:
    await asyncio.sleep(0)
    run.log("hello")
    return DriverResult.success(threading.current_thread().name)


def hello(run: Run) -> DriverResult:
    run.log("hello")
    return DriverResult.success(threading.current_thread().name)


def both() -> list[Driver]:
    threads, loop = Driver("threads", resources=["greeting"]), Driver("loop", resources=["greeting"])
    threads.reconcile(hello)
    loop.reconcile(hello_async)
    return [threads, loop]


@pytest.mark.parametrize("new_loop", LOOPS)
def test_serve_runs_both_kinds_on_a_real_server(nats: NatsWorld, new_loop: Callable[[], Any]) -> None:
    manager = DriverManager(both(), connection={"url": nats.url})

    async def main() -> Any:
        served = asyncio.create_task(manager.serve())
        await asyncio.to_thread(lambda: [nats.wait_for_consumer(name) for name in ("threads", "loop")])
        await asyncio.to_thread(nats.post, "run-1", "run-2")
        await asyncio.to_thread(eventually, lambda: len(nats.results()) == 2, "the runs are not answered")
        manager.stop()
        return await served

    loop = new_loop()
    try:
        report = loop.run_until_complete(main())
    finally:
        loop.close()
    assert [(driver.driver, driver.succeeded) for driver in report.drivers] == [("threads", 2), ("loop", 2)]
    assert str(report) == "threads: 2 succeeded, 0 failed; loop: 2 succeeded, 0 failed"
    assert manager.report is report
    results = {answer["driver"]: answer["message"] for answer in nats.results()["run-1"]}
    assert results == {"threads": "threads-1", "loop": "MainThread"}
    assert nats.lines() == {"run-1": ["hello", "hello"], "run-2": ["hello", "hello"]}


def test_run_blocks_until_another_thread_stops_it(conveyor_stream: EmbeddedStream) -> None:
    for drivers in (both(), both()[:1]):
        manager = DriverManager(drivers, stream=conveyor_stream)
        threading.Timer(0.2, manager.stop).start()
        assert [driver.runs for driver in manager.run().drivers] == [0] * len(drivers)


def test_with_and_async_with_run_while_the_block_does(conveyor_stream: EmbeddedStream) -> None:
    with DriverManager(both(), stream=conveyor_stream) as manager:
        run = conveyor_stream.post(ADA)
        answers = {answer["driver"]: answer["message"] for answer in conveyor_stream.results(run, 2)}
    assert answers == {"threads": "threads-1", "loop": "conveyor-loop"}
    assert manager.report is not None

    async def main() -> None:
        async with DriverManager(both(), stream=EmbeddedStream()) as manager:
            assert manager.report is None
        assert manager.report is not None

    asyncio.run(main())


def test_a_runs_thread_is_named_after_its_driver(conveyor_stream: EmbeddedStream) -> None:
    one, two = (Driver(name, resources=[name]) for name in ("one", "two"))
    for driver in (one, two):
        driver.reconcile(hello)
    with DriverManager([one, two], stream=conveyor_stream):
        for _ in range(3):
            for name in ("one", "two"):
                run = conveyor_stream.post({"name": "x", "resource": name})
                assert conveyor_stream.result(run).message.startswith(f"{name}-")


def test_as_many_runs_are_in_flight_as_may(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    together = threading.Barrier(8)

    def reconcile(run: Run) -> None:
        together.wait(30)

    with DriverManager(greeter(reconcile, concurrency=8), stream=conveyor_stream):
        runs = [conveyor_stream.post({"name": str(n), "resource": "greeting"}) for n in range(16)]
        assert all(conveyor_stream.result(run).succeeded for run in runs)


def test_a_cancelled_serve_drains_and_raises(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    async def reconcile(run: Run) -> DriverResult:
        begun.set()
        await asyncio.sleep(0.3)
        return DriverResult.success("finished")

    async def main() -> None:
        # Its consumer is there from now on.
        async with DriverManager(greeter(reconcile), stream=conveyor_stream):
            pass
        conveyor_stream.post(ADA, run_id="run-1")
        served = asyncio.create_task(DriverManager(greeter(reconcile), stream=conveyor_stream).serve())
        await begun.wait()
        served.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served

    begun = asyncio.Event()
    asyncio.run(main())
    assert conveyor_stream.result("run-1").message == "finished"


def test_cancelled_twice_it_gives_the_runs_back(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    stuck = True

    async def reconcile(run: Run) -> DriverResult:
        begun.set()
        if stuck:
            await asyncio.sleep(60)
        return DriverResult.success("by another")

    async def main() -> None:
        async with DriverManager(greeter(reconcile), stream=conveyor_stream):
            pass
        manager = DriverManager(greeter(reconcile), stream=conveyor_stream)
        served = asyncio.create_task(manager.serve())
        conveyor_stream.post(ADA, run_id="run-1")
        await begun.wait()
        for _ in range(2):
            served.cancel()
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await served
        assert manager.report is not None and manager.report.drivers[0].given_back == 1

    begun = asyncio.Event()
    asyncio.run(main())
    stuck = False
    with DriverManager(greeter(reconcile), stream=conveyor_stream):
        assert conveyor_stream.result("run-1").message == "by another"


def test_a_manager_is_started_once(conveyor_stream: EmbeddedStream) -> None:
    manager = DriverManager(both(), stream=conveyor_stream)
    with manager:
        pass
    with pytest.raises(Closed, match="started before"):
        manager.run()
    with pytest.raises(Closed):
        asyncio.run(manager.serve())
    with pytest.raises(Closed), manager:
        raise AssertionError("it was entered")


def test_a_block_within_its_own_is_refused_and_the_outer_goes_on(conveyor_stream: EmbeddedStream) -> None:
    with DriverManager(both(), stream=conveyor_stream) as manager:
        with pytest.raises(Closed), manager:
            raise AssertionError("it was entered")
        assert conveyor_stream.result(conveyor_stream.post(ADA)).succeeded


@pytest.mark.parametrize("function", [hello, hello_async])
def test_a_block_that_cannot_begin_says_why(greeter: Callable[..., Driver], function: Any) -> None:
    with pytest.raises(OptionsInvalid, match="concurrency"):
        with DriverManager(greeter(function, concurrency=0), stream=EmbeddedStream()):
            raise AssertionError("it was entered")


def test_what_holds_up_a_running_loop_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="use await serve"):
            DriverManager(both(), stream=EmbeddedStream()).run()
        with pytest.raises(RuntimeError, match="use async with"):
            DriverManager(both(), stream=EmbeddedStream()).__enter__()

    asyncio.run(main())


def test_a_block_that_is_left_on_another_loop_is_refused() -> None:
    manager = DriverManager(both(), stream=EmbeddedStream())
    loop = asyncio.new_event_loop()
    loop.run_until_complete(manager.__aenter__())
    with pytest.raises(RuntimeError, match="another loop"):
        asyncio.run(manager.__aexit__(None, None, None))
    loop.run_until_complete(manager.__aexit__(None, None, None))
    loop.close()


def test_a_stop_before_the_start_is_heeded(conveyor_stream: EmbeddedStream) -> None:
    manager = DriverManager(both(), stream=conveyor_stream)
    manager.stop()
    assert manager.cancel("run-1") == 0
    manager.run()


@pytest.mark.parametrize("stop", [DriverManager.stop, DriverManager.end_now])
def test_a_stop_while_it_starts_is_heeded(
    monkeypatch: pytest.MonkeyPatch, conveyor_stream: EmbeddedStream, stop: Callable[[DriverManager], None]
) -> None:
    manager = DriverManager(both(), stream=conveyor_stream)
    start = Session.start

    def start_and_stop(session: Session) -> None:
        start(session)
        stop(manager)

    monkeypatch.setattr(Session, "start", start_and_stop)
    manager.run()


def test_a_block_that_is_interrupted_while_it_waits_runs_nothing(
    program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    ended = program("""
import os, signal, threading
from conveyor_driver import Driver, DriverManager
driver = Driver("greeter", resources=["greeting"])
driver.reconcile(lambda run: None)
manager = DriverManager(driver, connection={"url": "nats://127.0.0.1:1"})
def interrupt():
    while manager._session is None:
        pass
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    with manager:
        print("entered")
except KeyboardInterrupt:
    print(manager._session.ended.happened)
""")
    assert ended.stdout == "True\n", ended.stderr


def test_a_logging_handler_that_raises_does_not_end_the_others(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            raise ValueError("disk full")

    seen: list[str] = []
    handler = Raises()
    caplog.set_level(logging.INFO, "conveyor_driver")
    logging.getLogger("conveyor_driver").addHandler(handler)
    try:
        for starts in (1, 2):
            with DriverManager(both(), stream=EmbeddedStream()):
                pass
            deadline = time.monotonic() + 30
            while sum("stopped" in said for said in seen) < starts:
                assert time.monotonic() < deadline, seen
                time.sleep(0.01)
    finally:
        logging.getLogger("conveyor_driver").removeHandler(handler)
    assert "ValueError: disk full" in capfd.readouterr().err


def test_a_server_that_is_not_there_is_unavailable() -> None:
    connection: Any = {"url": "nats://127.0.0.1:1", "connect_timeout_ms": 300}
    with pytest.raises(Unavailable) as caught:
        DriverManager(both(), connection=connection).run()
    assert caught.value.retryable and caught.value.code == 2 and caught.value.name == "Unavailable"
    with pytest.raises(Unavailable), DriverManager(both(), connection=connection):
        raise AssertionError("it was entered")

    async def main() -> None:
        async with DriverManager(both(), connection=connection):
            raise AssertionError("it was entered")

    with pytest.raises(Unavailable):
        asyncio.run(main())


def test_errors_have_a_class_for_each_code_and_can_be_pickled() -> None:
    with pytest.raises(OptionsInvalid) as caught:
        Driver("", resources=[3])  # type: ignore[list-item]
    error = pickle.loads(pickle.dumps(caught.value))
    assert type(error) is OptionsInvalid
    assert (str(error), error.context) == (str(caught.value), caught.value.context)
    classes = ConveyorError.__subclasses__()
    assert len({kind.code for kind in classes}) == len(classes) >= 17
    assert all(getattr(conveyor_driver, kind.name) is kind for kind in classes)


def test_what_the_runtime_says_reaches_logging(
    caplog: pytest.LogCaptureFixture, conveyor_stream: EmbeddedStream
) -> None:
    caplog.set_level(logging.INFO, "conveyor_driver")
    with DriverManager(both(), stream=conveyor_stream):
        pass
    deadline = time.monotonic() + 30
    while not any("stopped" in record.getMessage() for record in caplog.records):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    record = next(record for record in caplog.records if "stopped" in record.getMessage())
    assert record.name.startswith("conveyor_driver.") and record.levelno == logging.INFO
    assert abs(record.created - time.time()) < 60


@pytest.mark.parametrize("resource", [{"name": "x"}, {"name": "x", "resource": "a b"}, {"resource": {1}}])
def test_what_is_no_resource_cannot_be_posted(conveyor_stream: EmbeddedStream, resource: Any) -> None:
    with pytest.raises((TypeError, MessageInvalid), match=r"resource\.resource"):
        conveyor_stream.post(resource)

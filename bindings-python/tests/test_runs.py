"""What a run has, and what it can do."""

from __future__ import annotations

import array
import asyncio
import contextvars
import datetime
import json
import logging
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conveyor_driver import (
    Cancelled,
    Driver,
    DriverManager,
    DriverResult,
    ExecFailed,
    ExecOutput,
    LogHandler,
    OptionsInvalid,
    Run,
    capture_print,
    current_run,
)
from conveyor_driver.testing import EmbeddedStream, TestOutcome, run_driver

ADA = {"name": "Ada", "resource": "greeting"}


def levels(outcome: TestOutcome) -> list[tuple[str, str]]:
    return [(entry["labels"]["level"], entry["message"]) for entry in outcome.log]


def test_a_run_knows_what_it_is_about(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    seen: list[Any] = []

    def reconcile(run: Run) -> None:
        seen.append(
            (run.id, run.event, run.driver, run.attempt, run.cancelled, run.cancel_reason, run.deadline)
        )
        seen.append(json.loads(run.payload))
        seen.append(run.resource)
        assert run.resource is run.resource
        run.raise_if_cancelled()
        run.progress()
        assert repr(run) == "<Run run-1 of greeter, attempt 1>"

    with DriverManager(greeter(reconcile), stream=conveyor_stream):
        conveyor_stream.post({**ADA, "spec": {"n": 2**63, "f": 0.1}}, event="update", run_id="run-1")
        assert conveyor_stream.result("run-1").succeeded
    assert seen[0] == ("run-1", "update", "greeter", 1, False, None, None)
    assert seen[1] == {**ADA, "spec": {"n": 2**63, "f": 0.1}}
    assert seen[2] == {"id": "", "metadata": {}, **ADA, "spec": {"n": 2**63, "f": 0.1}}


def test_the_deadline_is_that_of_the_run(greeter: Callable[..., Driver]) -> None:
    seen: list[datetime.datetime] = []

    def reconcile(run: Run) -> None:
        assert run.deadline is not None and run.deadline is run.deadline
        seen.append(run.deadline)

    run_driver(greeter(reconcile, run_timeout_ms=3_600_000), ADA)
    left = seen[0] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=59) < left <= datetime.timedelta(hours=1)


def write_lines(run: Run) -> None:
    run.log("plain")
    run.log.debug("d", n=1)
    run.log.info("i", nested={"a": [1, None]})
    run.log.warning("w", level="mine")
    run.log.error(ValueError("not text"), self=1, message="label")
    run.log("lone \ud800 surrogate")
    with pytest.raises(TypeError, match=r"x\[1\]: set is not JSON"):
        run.log("no", x=[1, {2}])


async def write_lines_async(run: Run) -> None:
    write_lines(run)
    await run.log("awaited", last=True)


def test_lines_have_level_and_labels(greeter: Callable[..., Driver]) -> None:
    for function, more in [(write_lines, []), (write_lines_async, [("info", "awaited")])]:
        outcome = run_driver(greeter(function), ADA)
        assert levels(outcome)[:5] == [
            ("info", "plain"), ("debug", "d"), ("info", "i"), ("warning", "w"), ("error", "not text")
        ]  # fmt: skip
        assert levels(outcome)[6:] == more
        labels = [entry["labels"] for entry in outcome.log]
        assert labels[1] == {"level": "debug", "n": 1}
        assert labels[2] == {"level": "info", "nested": {"a": [1, None]}}
        assert labels[4] == {"level": "error", "self": 1, "message": "label"}


def test_no_line_is_lost_while_the_buffer_is_full(greeter: Callable[..., Driver]) -> None:
    lines = [f"{n} ".ljust(500, "x") for n in range(3000)]

    def reconcile(run: Run) -> None:
        for line in lines:
            run.log(line)

    async def patient(run: Run) -> None:
        for line in lines:
            await run.log(line)

    async def hasty(run: Run) -> None:
        for line in lines:
            run.log(line)

    async def from_threads(run: Run) -> None:
        await asyncio.to_thread(lambda: [run.log(line) for line in lines])

    for function in (reconcile, patient, hasty, from_threads):
        outcome = run_driver(greeter(function, log_buffer_bytes=65_536, log_window=1), ADA)
        assert outcome.lines == lines, function.__name__


def test_current_run_is_known_inside_and_only_there(greeter: Callable[..., Driver]) -> None:
    seen: list[Run | None] = []
    mine: contextvars.ContextVar[int] = contextvars.ContextVar("mine", default=0)

    async def below() -> None:
        seen.append(current_run())

    def reconcile(run: Run) -> None:
        seen.append(current_run())
        assert (seen[0], mine.get()) == (run, 0)
        mine.set(7)

    async def reconcile_async(run: Run) -> None:
        assert mine.get() == 0
        mine.set(7)
        await asyncio.create_task(below())
        seen.append(await asyncio.to_thread(current_run))
        assert seen == [run, run]

    assert run_driver(greeter(reconcile), ADA).result.succeeded
    seen.clear()
    assert run_driver(greeter(reconcile_async), ADA).result.succeeded
    assert current_run() is None


def test_logging_inside_a_run_reaches_its_log(greeter: Callable[..., Driver]) -> None:
    logger = logging.Logger("app.git")
    handler = LogHandler()
    handler.setFormatter(logging.Formatter("%(message)s!"))
    logger.addHandler(handler)
    logger.warning("outside")

    def reconcile(run: Run) -> None:
        logger.debug("d %d", 1)
        logger.info("i")
        logger.warning("w")
        logger.critical("c")

    async def reconcile_async(run: Run) -> None:
        reconcile(run)

    for function in (reconcile, reconcile_async):
        outcome = run_driver(greeter(function), ADA)
        assert levels(outcome) == [("debug", "d 1!"), ("info", "i!"), ("warning", "w!"), ("error", "c!")]
        assert {entry["labels"]["logger"] for entry in outcome.log} == {"app.git"}


def test_print_inside_a_run_reaches_its_log(
    greeter: Callable[..., Driver], capsys: pytest.CaptureFixture[str]
) -> None:
    def reconcile(run: Run) -> None:
        print("one\ntwo")
        print("begun", end="")
        print(" and ended", flush=True)
        print("to stderr", file=sys.stderr)
        print("no line end", end="")

    with capture_print():
        outcome = run_driver(greeter(reconcile), ADA)
        print("outside")
    print("afterwards")
    assert levels(outcome) == [
        ("info", "one"), ("info", "two"), ("info", "begun and ended"), ("warning", "to stderr"), ("info", "no line end")
    ]  # fmt: skip
    assert capsys.readouterr().out == "outside\nafterwards\n"


def test_a_command_runs_as_part_of_the_run(greeter: Callable[..., Driver], tmp_path: Any) -> None:
    script = 'cat; echo "$GREETING $1"; pwd; echo oops >&2; exit 3'
    seen: list[ExecOutput] = []
    arguments: dict[str, Any] = {
        "env": {"GREETING": "hello", "HOME": None},
        "cwd": tmp_path,
        "stdin": b"in\n",
    }

    def reconcile(run: Run) -> None:
        seen.append(run.exec_sync("sh", "-c", script, "sh", "two  words", **arguments))

    async def reconcile_async(run: Run) -> None:
        seen.append(await run.exec("sh", "-c", script, "sh", "two  words", **arguments))

    for function in (reconcile, reconcile_async):
        outcome = run_driver(greeter(function), ADA)
        out = [e["message"] for e in outcome.log if e["labels"]["stream"] == "stdout"]
        assert out == ["in", "hello two  words", str(tmp_path)]
        assert [e["message"] for e in outcome.log if e["labels"]["stream"] == "stderr"] == ["oops"]
        output = seen.pop()
        assert (output.code, output.signal, output.cancelled, output.success) == (3, None, False, False)
        assert str(output).startswith("exited with 3 after")


def test_bad_commands_are_refused(greeter: Callable[..., Driver]) -> None:
    def reconcile(run: Run) -> None:
        with pytest.raises(ExecFailed) as missing:
            run.exec_sync("no-such-program-anywhere")
        assert missing.value.context["program"] == "no-such-program-anywhere"

    assert run_driver(greeter(reconcile), ADA).result == DriverResult.success()


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((3,), {}, "program: int is not text or a path"),
        ((["ls", "-l"],), {}, "program: list is not text or a path"),
        ((b"ls",), {}, "program: bytes is not text or a path"),
        (("sh", "-c", 3), {}, "args[1]: int is not text or a path"),
        (("ls", b"-l"), {}, "args[0]: bytes is not text or a path"),
        (("ls",), {"cwd": 3}, "cwd: int is not text or a path"),
        (("ls",), {"cwd": b"/"}, "cwd: bytes is not text or a path"),
        (("ls",), {"grace": "5"}, "grace: str is not a number of seconds"),
        (("ls",), {"grace": True}, "grace: bool is not a number of seconds"),
        (("ls",), {"grace": -1}, "grace: -1 is not a time in seconds"),
        (("ls",), {"grace": math.nan}, "grace: nan is not a time in seconds"),
        (("ls",), {"grace": math.inf}, "grace: inf is not a time in seconds"),
        (("ls",), {"env": ["A=1"]}, "env: list is not a mapping"),
        (("ls",), {"env": {1: "x"}}, "env: the key 1 is int"),
        (("ls",), {"stdin": 3}, "stdin: int is not text or bytes"),
        (("ls",), {"stdin": ["x"]}, "stdin: list is not text or bytes"),
        (("ls",), {"stdin": "a\udcff"}, "stdin: holds a lone surrogate"),
    ],
)
def test_an_argument_of_a_command_that_does_not_fit_is_named(
    greeter: Callable[..., Driver], args: tuple[Any, ...], options: dict[str, Any], words: str
) -> None:
    def reconcile(run: Run) -> None:
        run.exec_sync(*args, **options)

    async def reconcile_async(run: Run) -> None:
        await run.exec(*args, **options)

    for function in (reconcile, reconcile_async):
        error = run_driver(greeter(function), ADA).result.data["error"]
        assert error["type"] == "TypeError" and error["message"].startswith(words), error


@pytest.mark.parametrize("env", [{"A=B": "x"}, {"": "x"}, {"A=B": None}, {"A\0": "x"}])
def test_a_name_that_no_variable_can_have_is_refused(
    greeter: Callable[..., Driver], env: dict[str, str | None]
) -> None:
    def reconcile(run: Run) -> None:
        with pytest.raises(OptionsInvalid) as wrong:
            run.exec_sync("true", env=env)
        assert list(wrong.value.context) == ["env"]

    assert run_driver(greeter(reconcile), ADA).result == DriverResult.success()


def test_any_grace_is_allowed_that_is_long_enough(greeter: Callable[..., Driver]) -> None:
    def reconcile(run: Run) -> None:
        for grace in (0, 0.5, sys.float_info.max):
            assert run.exec_sync("true", grace=grace).success

    assert run_driver(greeter(reconcile), ADA).result == DriverResult.success()


@pytest.mark.parametrize(
    "given", ["text", b"\xff\0\n", bytearray(b"\xfe"), memoryview(array.array("i", [1000, -1]))]
)
def test_a_command_reads_what_it_is_given(greeter: Callable[..., Driver], tmp_path: Path, given: Any) -> None:
    copy = tmp_path / "copy"

    def reconcile(run: Run) -> None:
        run.exec_sync("sh", "-c", 'cat > "$1"', "sh", copy, stdin=given)

    assert run_driver(greeter(reconcile), ADA).result.succeeded
    assert copy.read_bytes() == (given.encode() if isinstance(given, str) else bytes(given))


def test_large_input_is_held_once(program: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ended = program("""
import resource, sys
from conveyor_driver import Driver
from conveyor_driver.testing import run_driver
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
driver = Driver("greeter", resources=["greeting"])
@driver.reconcile
def reconcile(run):
    run.exec_sync("true")
    given = b"\\xff" * (16 << 20)
    before = peak()
    run.exec_sync("sh", "-c", "wc -c", stdin=given)
    assert peak() - before < 2 * len(given), (before, peak())
outcome = run_driver(driver, {"name": "Ada"})
assert outcome.result.succeeded, outcome.result
assert int(outcome.lines[-1]) == 16 << 20
""")
    assert ended.returncode == 0, ended.stderr


def test_a_command_ends_with_the_task_that_awaits_it(greeter: Callable[..., Driver]) -> None:
    async def reconcile(run: Run) -> DriverResult:
        began = time.monotonic()
        try:
            await asyncio.wait_for(run.exec("sh", "-c", "echo begun; sleep 60"), 0.5)
        except asyncio.TimeoutError:
            return DriverResult.success("ended" if time.monotonic() - began < 30 else "late")
        raise AssertionError("it went on")

    assert run_driver(greeter(reconcile), ADA).result.message == "ended"


def cancel(driver: Driver, stream: EmbeddedStream, begun: threading.Event) -> dict[str, Any]:
    with DriverManager(driver, stream=stream) as manager:
        run = stream.post(ADA)
        assert begun.wait(30)
        assert manager.cancel(run, "obsolete") == 1
        stream.results(run)
        assert manager.cancel(run, "again") == 0
    assert manager.report is not None
    return {"cancelled": manager.report.drivers[0].cancelled, "run": stream.result(run)}


def test_a_def_asks_whether_it_is_cancelled(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    begun = threading.Event()
    reasons: list[Any] = []

    def reconcile(run: Run) -> None:
        begun.set()
        while not run.cancelled:
            time.sleep(0.005)
        reasons.append(run.cancel_reason)
        with pytest.raises(Cancelled):
            run.exec_sync("true")
        run.raise_if_cancelled()

    ended = cancel(greeter(reconcile), conveyor_stream, begun)
    assert reasons == [{"kind": "requested", "reason": "obsolete"}]
    assert ended["cancelled"] == 1 and "obsolete" in ended["run"].message


def test_an_async_def_gets_a_cancelled_error(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    begun = threading.Event()
    caught: list[BaseException] = []

    async def reconcile(run: Run) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            caught.append(error)
            raise

    ended = cancel(greeter(reconcile), conveyor_stream, begun)
    assert len(caught) == 1
    assert ended["cancelled"] == 1 and "obsolete" in ended["run"].message


def test_a_cancelled_command_is_ended(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    begun = threading.Event()

    async def reconcile(run: Run) -> None:
        asyncio.get_running_loop().call_later(0.3, begun.set)
        await run.exec(
            "sh", "-c", "trap 'echo bye; exit 0' TERM; echo begun; while true; do sleep 0.05; done"
        )

    ended = cancel(greeter(reconcile), conveyor_stream, begun)
    assert ended["cancelled"] == 1
    assert "bye" in [entry["message"] for entry in conveyor_stream.log()]


def test_a_cancelled_error_of_its_own_gives_the_event_back(greeter: Callable[..., Driver]) -> None:
    async def reconcile(run: Run) -> DriverResult:
        if run.attempt == 1:
            raise asyncio.CancelledError
        return DriverResult.success("again")

    outcome = run_driver(greeter(reconcile, retry_initial_ms=1, retry_max_ms=1), ADA)
    assert (outcome.result.message, outcome.attempts) == ("again", 2)


def test_a_run_to_cancel_is_named_by_text(
    greeter: Callable[..., Driver], conveyor_stream: EmbeddedStream
) -> None:
    with DriverManager(greeter(lambda run: None), stream=conveyor_stream) as manager:
        with pytest.raises(TypeError, match="^run_id: int is not text"):
            manager.cancel(3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="^reason: NoneType is not text"):
            manager.cancel("run-1", None)  # type: ignore[arg-type]

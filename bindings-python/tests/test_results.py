"""How a reconcile can end, and what comes of it."""

from __future__ import annotations

import datetime
import enum
import math
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from conveyor_driver import Driver, DriverManager, DriverResult, Failed, Retry, Run
from conveyor_driver.testing import EmbeddedStream, TestOutcome, run_driver

ADA = {"name": "Ada", "resource": "greeting"}


class Colour(str, enum.Enum):
    RED = "red"


def recursive() -> dict[str, Any]:
    data: dict[str, Any] = {"list": []}
    data["list"].append(data)
    return data


@pytest.fixture(params=["def", "async def"])
def play(request: pytest.FixtureRequest, greeter: Callable[..., Driver]) -> Callable[..., TestOutcome]:
    """Runs what a ``def`` does, as it is and in an ``async def``."""

    def run(function: Callable[[Run], Any], **options: object) -> TestOutcome:
        async def in_a_task(run: Run) -> Any:
            return function(run)

        handler = function if request.param == "def" else in_a_task
        return run_driver(greeter(handler, **options), ADA)

    return run


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        (None, DriverResult.success()),
        (
            DriverResult.success("done", [1, 2.5, None, True, "x"]),
            DriverResult.success("done", [1, 2.5, None, True, "x"]),
        ),
        (DriverResult.failure("no", {"a": {"b": ()}}), DriverResult.failure("no", {"a": {"b": []}})),
        ({"success": True}, DriverResult.success()),
        ({"success": False, "message": "no", "data": 3}, DriverResult.failure("no", 3)),
        ({"success": True, "data": Colour.RED}, DriverResult.success("", "red")),
        ({"success": True, "data": 2**64 - 1}, DriverResult.success("", 2**64 - 1)),
        ({"success": True, "data": -(2**63)}, DriverResult.success("", -(2**63))),
    ],
)
def test_what_is_returned_is_the_result(
    play: Callable[..., TestOutcome], returned: Any, result: DriverResult
) -> None:
    assert play(lambda run: returned).result == result


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (DriverResult.success("", {"x": [1, 2, 3, {4}]}), "data.x[3]: set is not JSON"),
        (DriverResult.success("", object()), "data: object is not JSON"),
        (DriverResult.success("", {"x": {1: 2}}), "data.x: the key 1 is int, JSON has text only"),
        (DriverResult.success("", {"x": math.nan}), "data.x: NaN and infinity are not JSON"),
        (DriverResult.success("", [math.inf]), "data[0]: NaN and infinity are not JSON"),
        (DriverResult.success("", {"n": 2**64}), "data.n: is an integer of more than 64 bits"),
        (DriverResult.success("", {"n": -(2**63) - 1}), "data.n: is an integer of more than 64 bits"),
        (DriverResult.success("", ["a\udcff"]), "data[0]: holds a lone surrogate"),
        (DriverResult.success("", {"\udcff": 1}), "data: holds a lone surrogate"),
        (DriverResult.success("", b"bytes"), "data: bytes is not JSON"),
        (DriverResult.success("", datetime.date(2026, 1, 1)), "data: date is not JSON"),
        (DriverResult.success("", recursive()), "is nested too deep, or within itself"),
        (DriverResult.success(3), "message: int is not text"),  # type: ignore[arg-type]
        (DriverResult(1), "success: int is not a bool"),  # type: ignore[arg-type]
        ({"success": 1}, "success: int is not a bool"),
        ({"success": True, "mesage": "x"}, "unknown member 'mesage'"),
        ({"message": "x"}, "without the member 'success'"),
        (True, "reconcile returned bool"),
        ("done", "reconcile returned str"),
    ],
)
def test_what_is_no_result_is_a_failed_one_that_says_where(
    play: Callable[..., TestOutcome], returned: Any, words: str
) -> None:
    result = play(lambda run: returned).result
    assert not result.succeeded
    assert result.data["error"]["type"] == "TypeError"
    assert words in result.message


def test_a_def_that_returns_a_coroutine_is_told_to_be_async(greeter: Callable[..., Driver]) -> None:
    async def work() -> None: ...

    result = run_driver(greeter(lambda run: work()), ADA).result
    assert not result.succeeded
    assert "reconcile is a def that returned coroutine; write async def" in result.message


def test_an_exception_is_a_failed_result_with_type_message_and_traceback(
    play: Callable[..., TestOutcome],
) -> None:
    def inner() -> None:
        raise LookupError("first\nsecond")

    def reconcile(run: Run) -> None:
        try:
            inner()
        except LookupError as error:
            raise RuntimeError("outer") from error

    outcome = play(reconcile)
    error = outcome.result.data["error"]
    assert (outcome.result.succeeded, outcome.result.message) == (False, "outer")
    assert (error["type"], error["message"]) == ("RuntimeError", "outer")
    assert "in inner" in error["traceback"] and "LookupError: first\nsecond" in error["traceback"]
    assert "direct cause" in error["traceback"]
    assert "_threads.py" not in error["traceback"] and "_tasks.py" not in error["traceback"]
    assert "in inner" in outcome.log[-1]["message"]


class BadText(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class OwnFailed(Failed):
    def __init__(self, code: int) -> None:
        self.code = code


def changed(error: BaseException, **attributes: object) -> BaseException:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OwnFailed(3), "Failed"),
        (changed(Retry("no"), after="5"), "TypeError"),
        (changed(Failed("no"), data={1}), "TypeError"),
        (BadText(), "test_results.BadText"),
        (SystemExit(3), "SystemExit"),
        (Exception("a\udcffb"), "Exception"),
        (Failed("no", {"x": {1}}), "TypeError"),
        (BaseException("base"), "BaseException"),
    ],
)
def test_whatever_is_raised_is_answered(
    play: Callable[..., TestOutcome], error: BaseException, kind: str
) -> None:
    def reconcile(run: Run) -> None:
        raise error

    result = play(reconcile).result
    assert not result.succeeded
    assert result.data["error"]["type"] == kind


def test_a_long_traceback_is_shortened(play: Callable[..., TestOutcome]) -> None:
    def reconcile(run: Run) -> None:
        raise ValueError("x" * 200_000)

    error = play(reconcile).result.data["error"]
    assert len(error["traceback"]) < 20_000
    assert "characters left out" in error["traceback"]


def test_failed_brings_its_message_and_data(play: Callable[..., TestOutcome]) -> None:
    def reconcile(run: Run) -> None:
        raise Failed("no branch", {"branch": "main"})

    result = play(reconcile).result
    assert (result.succeeded, result.message, result.data["branch"]) == (False, "no branch", "main")
    assert result.data["error"] == {"type": "Failed", "message": "no branch", "traceback": None}


def test_a_retry_comes_again(play: Callable[..., TestOutcome]) -> None:
    def reconcile(run: Run) -> DriverResult:
        if run.attempt < 3:
            raise Retry("not yet", after=datetime.timedelta(milliseconds=20))
        return DriverResult.success(f"at attempt {run.attempt}")

    outcome = play(reconcile)
    assert (outcome.result.message, outcome.attempts) == ("at attempt 3", 3)


class NotReady(Retry):
    def __init__(self, what: str) -> None:
        self.what = what


def test_a_retry_without_its_constructor_is_one(play: Callable[..., TestOutcome]) -> None:
    def reconcile(run: Run) -> None:
        raise NotReady("the database")

    outcome = play(reconcile, max_attempts=2, retry_initial_ms=1, retry_max_ms=1)
    assert (outcome.result.message, outcome.attempts) == ("the database", 2)


@pytest.mark.parametrize("after", [1e30, 1e18])
def test_a_delay_longer_than_any_is_the_longest(greeter: Callable[..., Driver], after: float) -> None:
    began = threading.Event()

    def reconcile(run: Run) -> None:
        began.set()
        raise Retry("in a while", after=after)

    stream = EmbeddedStream()
    with DriverManager(greeter(reconcile), stream=stream) as manager:
        stream.post(ADA)
        assert began.wait(30)
    assert manager.report is not None
    assert (manager.report.drivers[0].retried, manager.report.drivers[0].failed) == (1, 0)


def test_retries_end_in_a_failed_result(play: Callable[..., TestOutcome]) -> None:
    def reconcile(run: Run) -> None:
        raise Retry("never")

    outcome = play(reconcile, max_attempts=2, retry_initial_ms=1, retry_max_ms=1)
    assert (outcome.result.message, outcome.attempts) == ("never", 2)


@pytest.mark.parametrize("after", ["5", True, math.nan, math.inf, -1])
def test_a_delay_that_is_none_is_refused(after: Any) -> None:
    with pytest.raises(TypeError, match="after: "):
        Retry(after=after)


def test_results_do_not_keep_what_they_held(play: Callable[..., TestOutcome]) -> None:
    data = {"x": ["some", "text"]}
    before = sys.getrefcount(data)
    play(lambda run: DriverResult.success("done", data))
    assert sys.getrefcount(data) <= before + 1  # The lambda's own cell.

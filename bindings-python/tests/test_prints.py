"""What is printed inside a run."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Callable

import pytest

from conveyor_driver import Driver, DriverManager, Run, capture_print
from conveyor_driver.testing import EmbeddedStream, run_driver

ADA = {"name": "Ada", "resource": "greeting"}


def test_captures_that_overlap_are_kept_apart(
    greeter: Callable[..., Driver], capsys: pytest.CaptureFixture[str]
) -> None:
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def reconcile(run: Run) -> None:
        if run.resource["name"] == "first":
            with capture_print():
                first_in.set()
                assert second_in.wait(30)
                print("from the first")
            first_out.set()
        else:
            assert first_in.wait(30)
            with capture_print():
                second_in.set()
                assert first_out.wait(30)
                print("from the second")

    before = sys.stdout, sys.stderr
    stream = EmbeddedStream()
    with DriverManager(greeter(reconcile, concurrency=2), stream=stream):
        runs = [stream.post({**ADA, "name": name}) for name in ("first", "second")]
        assert all(stream.result(run_id).succeeded for run_id in runs)
    lines = [[entry["message"] for entry in stream.log(run_id)] for run_id in runs]
    assert lines == [["from the first"], ["from the second"]]
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == ""


def test_a_replacement_of_somebody_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context():
        with capture_print():
            monkeypatch.setattr(sys, "stdout", mine := io.StringIO())
        assert sys.stdout is mine


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_begun_line_of_a_run_that_is_cancelled_is_kept(greeter: Callable[..., Driver], kind: str) -> None:
    def reconcile(run: Run) -> None:
        print("step 1 ... ", end="")
        while not run.cancelled:
            threading.Event().wait(0.01)
        run.raise_if_cancelled()

    async def reconcile_async(run: Run) -> None:
        print("step 1 ... ", end="")
        await asyncio.sleep(60)

    driver = greeter(reconcile if kind == "def" else reconcile_async, run_timeout_ms=200)
    with capture_print():
        outcome = run_driver(driver, ADA)
    assert not outcome.result.succeeded
    assert "step 1 ... " in outcome.lines

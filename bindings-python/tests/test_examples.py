"""The examples, on the embedded stream and on real repositories."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conveyor_driver import BaseDriver, DriverResult
from conveyor_driver.testing import TestOutcome, run_driver

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def build(spec: Any) -> TestOutcome:
    driver: BaseDriver = example("git_build")["driver"]
    return run_driver(driver, {"name": "app", "resource": "build", "spec": spec})


def refusal(spec: Any) -> DriverResult:
    outcome = build(spec)
    assert (outcome.attempts, outcome.result.succeeded) == (1, False)
    return outcome.result


class Repository:
    """A repository of two commits, the first with the tag ``old``; ``version`` holds 1, then 2."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet")
        for version in "12":
            (path / "version").write_text(version)
            self.git("add", "version")
            self.git("commit", "--quiet", "--message", version)
            if version == "1":
                self.git("tag", "old")

    def git(self, *args: str) -> str:
        settings = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        ended = subprocess.run(
            ["git", *settings, *args], cwd=self.path, check=True, capture_output=True, text=True
        )
        return ended.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_the_greeter_greets() -> None:
    ended = subprocess.run(
        [sys.executable, EXAMPLES / "greeter.py"], capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.splitlines() == [
        "greeter: greeting Ada", "result: hello, Ada", "drained: greeter: 1 succeeded, 0 failed"
    ], ended.stderr  # fmt: skip


def test_a_command_that_succeeds_is_a_good_result(repository: Repository) -> None:
    script = 'cat version; echo " $COLOUR"; echo oops >&2'
    outcome = build(
        {"repository": str(repository.path), "command": ["sh", "-c", script], "env": {"COLOUR": "green"}}
    )
    data = outcome.result.data
    assert outcome.result.succeeded, outcome
    assert (data["exit_status"], data["signal"]) == (0, None)
    assert data["commit"] == repository.git("rev-parse", "HEAD")
    assert {"2 green", "oops"} <= set(outcome.lines)


def test_the_revision_is_what_is_built(repository: Repository) -> None:
    outcome = build(
        {"repository": f"file://{repository.path}", "revision": "old", "command": ["cat", "version"]}
    )
    assert "1" in outcome.lines
    assert outcome.result.data["commit"] == repository.git("rev-parse", "old")


def test_a_command_that_fails_is_a_failed_result(repository: Repository) -> None:
    there = str(repository.path)
    assert refusal({"repository": there, "command": ["sh", "-c", "exit 3"]}).data["exit_status"] == 3
    assert refusal({"repository": there, "command": ["sh", "-c", "kill -9 $$"]}).data["signal"] == 9
    assert "no-such-program" in refusal({"repository": there, "command": ["./no-such-program"]}).message
    assert "spec.revision" in refusal({"repository": there, "revision": "new", "command": ["true"]}).message


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (None, "spec"),
        ({"command": ["true"]}, "spec.repository"),
        ({"repository": "."}, "spec.command"),
        ({"repository": ".", "command": "true"}, "spec.command"),
        ({"repository": ".", "command": []}, "spec.command"),
        ({"repository": ".", "command": [1]}, "spec.command[0]"),
        ({"repository": ".", "command": ["true"], "env": {"A": 1}}, "spec.env.A"),
        ({"repository": ".", "command": ["true"], "branch": "x"}, "spec.branch"),
        ({"repository": "", "command": ["true"]}, "spec.repository"),
        ({"repository": "--upload-pack=x", "command": ["true"]}, "spec.repository"),
        ({"repository": ".", "revision": "-f", "command": ["true"]}, "spec.revision"),
        ({"repository": "/no/such/folder", "command": ["true"]}, "spec.repository"),
    ],
)
def test_a_bad_spec_names_its_field(spec: Any, field: str) -> None:
    assert field in refusal(spec).message


def test_what_may_be_a_password_is_not_logged() -> None:
    spec = example("git_build")["Spec"].read
    read = spec({"repository": "http://me:hunter2@host:80/app.git", "command": ["true"]})
    assert read.shown_repository() == "http://host:80/app.git"


def test_the_note_is_about_the_build_before_it() -> None:
    driver = example("build_note")["driver"]
    answer = '{"success": true, "message": "ok", "data": {"commit": "0123456789", "duration_ms": 1234}}'
    app = {"name": "app", "resource": "build", "metadata": {"driverresults.git-build": answer}}
    assert run_driver(driver, app).result.message == "app was built at 0123456 in 1.2 s"
    assert not run_driver(driver, {**app, "metadata": {}}).result.succeeded

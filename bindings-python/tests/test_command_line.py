"""The command ``conveyor-driver``, as the wheel installs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

INSTALLED = str(Path(sys.executable).with_name("conveyor-driver"))
RESOURCE = {"name": "world", "resource": "greeting"}


@pytest.fixture
def resource(tmp_path: Path) -> str:
    file = tmp_path / "resource.json"
    file.write_text(json.dumps(RESOURCE))
    return str(file)


@pytest.mark.parametrize("command", [[INSTALLED], [sys.executable, "-m", "conveyor_driver"]])
def test_the_command_is_installed(command: list[str], resource: str) -> None:
    script = "echo hello; exit 3"
    ended = subprocess.run(
        [*command, "test", "-f", resource, "--", "sh", "-c", script], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout) == (1, "hello\n"), ended.stderr
    assert subprocess.run([*command, "nothing"], capture_output=True).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_traceback(number: signal.Signals, resource: str) -> None:
    command = [INSTALLED, "test", "-f", resource, "--", "sh", "-c", "echo $$; exec sleep 600"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process, ExitStack() as left:
        left.callback(process.kill)
        assert process.stdout is not None and process.stderr is not None
        left.callback(kill_group, int(process.stdout.readline()))
        process.send_signal(number)
        assert process.wait(30) == 130
        assert "Traceback" not in process.stderr.read()


def kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)

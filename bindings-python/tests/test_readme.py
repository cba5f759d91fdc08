"""The quick starts, copied into an empty folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nats_world import NatsWorld, eventually

ROOT = Path(__file__).parents[2]


def files(readme: str) -> dict[str, str]:
    """The programs that a page names, by the names of their files."""
    page = (ROOT / readme).read_text()
    return dict(re.findall(r"`(\w+\.py)`[^`]*```python\n(.*?)```", page, re.DOTALL))


@pytest.mark.parametrize("readme", ["README.md", "bindings-python/README.md"])
def test_the_quick_start_works_in_an_empty_folder(nats: NatsWorld, tmp_path: Path, readme: str) -> None:
    named = files(readme)
    assert set(named) == {"greeter.py", "test_greeter.py"}
    for name, text in named.items():
        (tmp_path / name).write_text(text)
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert tests.returncode == 0 and "1 passed" in tests.stdout, tests.stdout

    environment = {**os.environ, "CONVEYOR_NATS_URL": nats.url}
    driver = subprocess.Popen(
        [sys.executable, "greeter.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    nats.wait_for_consumer("greeter")
    nats.post("run-1")
    results = eventually(nats.results, "the event is not answered")
    driver.send_signal(signal.SIGINT)
    said, _ = driver.communicate(timeout=30)
    assert results["run-1"][0]["message"] == "hello, run-1"
    assert nats.lines() == {"run-1": ["greeting run-1"]}
    assert (driver.returncode, said) == (0, "greeter: 1 succeeded, 0 failed\n")

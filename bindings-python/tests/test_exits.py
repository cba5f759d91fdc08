"""How programs end, on every Python found: never with a crash or a hang, and nothing is lost.

``EXIT_TIMES`` says how often each kind of program is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import conveyor_driver
from nats_world import NatsWorld

TIMES = int(os.environ.get("EXIT_TIMES", "6"))
PACKAGE = str(Path(conveyor_driver.__file__).parents[1])

START = """
import asyncio, os, sys, threading, time
from conveyor_driver import Driver, DriverManager, DriverResult
driver = Driver("greeter", resources=["greeting"], cancel_grace_ms=500, concurrency=2, ack_wait_ms=1000)
begun = threading.Event()
manager = DriverManager(driver, connection={"url": os.environ["URL"]}, shutdown_grace_ms=5000)
"""
SYNC = """
@driver.reconcile
def reconcile(run):
    begun.set()
    run.log("hello")
    time.sleep(0.02)
    return DriverResult.success("done")
"""
ASYNC = """
@driver.reconcile
async def reconcile(run):
    begun.set()
    run.log("hello")
    await asyncio.sleep(0.02)
    return DriverResult.success("done")
"""

#: A program of each kind, and how it ends.
PROGRAMS = {
    "sync": (
        SYNC + "threading.Thread(target=lambda: begun.wait() and manager.stop()).start()\nmanager.run()",
        0,
    ),
    "async": (
        ASYNC
        + "threading.Thread(target=lambda: begun.wait() and manager.stop()).start()\nasyncio.run(manager.serve())",
        0,
    ),
    "exception-in-main": (SYNC + "with manager:\n    begun.wait()\n    raise ValueError('main')", 1),
    "exception-in-main-async": (
        ASYNC
        + """
async def main():
    async with manager:
        await asyncio.to_thread(begun.wait)
        raise ValueError('main')
asyncio.run(main())""",
        1,
    ),
    "exit-in-a-handler": (
        """
@driver.reconcile
def reconcile(run):
    begun.set()
    manager.stop()
    sys.exit(3)
manager.run()""",
        0,
    ),
    "exit-in-an-async-handler": (
        """
@driver.reconcile
async def reconcile(run):
    begun.set()
    manager.stop()
    sys.exit(3)
manager.run()""",
        0,
    ),
    "daemon-thread": (SYNC + "threading.Thread(target=manager.run, daemon=True).start()\nbegun.wait()", 0),
    "daemon-thread-async": (
        ASYNC + "threading.Thread(target=manager.run, daemon=True).start()\nbegun.wait()",
        0,
    ),
    "exit-in-main": (
        ASYNC + "threading.Thread(target=manager.run, daemon=True).start()\nbegun.wait()\nsys.exit(5)",
        5,
    ),
    "stuck-thread": (
        """
@driver.reconcile
def reconcile(run):
    if run.attempt > 1:
        return DriverResult.success("done")
    begun.set()
    time.sleep(3600)
threading.Thread(target=lambda: begun.wait() and manager.end_now()).start()
manager.run()""",
        0,
    ),
}


def pythons() -> list[str]:
    """One of each version from 3.10 on: this one, those on PATH, and pyenv's."""
    candidates = [sys.executable]
    candidates += [found for n in range(10, 20) if (found := shutil.which(f"python3.{n}"))]
    candidates += sorted(map(str, Path.home().glob(".pyenv/versions/3.*/bin/python3")))
    found: dict[str, str] = {}
    for candidate in candidates:
        command = [candidate, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        version = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if version and tuple(map(int, version.split("."))) >= (3, 10):
            found.setdefault(version, candidate)
    return list(found.values())


@pytest.mark.parametrize("kind", PROGRAMS)
@pytest.mark.parametrize("python", pythons())
def test_programs_end_and_lose_nothing(nats: NatsWorld, python: str, kind: str) -> None:
    source, expected = PROGRAMS[kind]
    environment = {**os.environ, "URL": nats.url, "PYTHONPATH": PACKAGE}

    def run(source: str) -> subprocess.CompletedProcess[str]:
        command = [python, "-X", "faulthandler", "-c", START + source]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    # The consumer is there before the first event.
    run(SYNC + "with manager: pass")
    runs = [f"run-{n}" for n in range(TIMES)]
    ends = []
    for event in runs:
        nats.post(event)
        ends.append(run(source))
    assert [end.returncode for end in ends] == [expected] * TIMES, [end.stderr for end in ends][:3]
    # Whatever was given back or not taken is answered now.
    last = run(
        SYNC
        + """
with manager:
    quiet = 0
    while quiet < 20:
        quiet = 0 if begun.is_set() else quiet + 1
        begun.clear()
        time.sleep(0.1)
"""
    )
    assert last.returncode == 0, last.stderr
    assert sorted(nats.results()) == sorted(runs)
    assert all(len(answers) == 1 for answers in nats.results().values())
    left = nats.consumer("greeter")
    assert (left.num_pending, left.num_ack_pending) == (0, 0)

"""Ctrl-C and SIGTERM in every state, in programs of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from nats_world import NatsWorld

#: What a program does in a run, until the drain is seen. `print` tells the test that it has come so far.
BODIES = {
    "idle": "pass",
    "sleeping": "print('busy', flush=True)\nwhile not seen: time.sleep(0.2)",
    "computing": "print('busy', flush=True)\nwhile not seen: pass",
    "waiting": "print('busy', flush=True)\nwhile not seen: await asyncio.sleep(0.2)",
}

PROGRAM = """
import asyncio, os, sys, time
{imports}
from conveyor_driver import Driver, DriverManager, DriverResult
driver = Driver("greeter", resources=["greeting"], log_buffer_bytes=65_536)

@driver.reconcile
{kind} reconcile(run):
{body}
    if {state!r} != "idle": print("ran", flush=True)
    return DriverResult.success("done")

seen = []
manager = DriverManager(driver, connection={{"url": os.environ["URL"]}})
{watch}
report = {run}
print("report", report.drivers[0].succeeded, report.drivers[0].given_back, flush=True)
"""

#: Tells when the drain begins, as seen by a thread that only looks.
WATCH = """
import threading
def watch():
    while manager._session is None or manager._session.native.state not in ("draining", "ended"):
        time.sleep(0.001)
    print("draining", flush=True)
    seen.append(True)
threading.Thread(target=watch, daemon=True).start()
"""


def start(
    nats: NatsWorld, kind: str, body: str, run: str = "manager.run()", imports: str = "", state: str = "idle"
) -> subprocess.Popen[str]:
    indented = "".join(f"    {line}\n" for line in body.split("\n"))
    source = PROGRAM.format(
        kind=kind,
        body=indented,
        run=run,
        imports=imports,
        watch="" if state == "idle" and "busy" not in body else WATCH,
        state=state,
    )
    environment = {**os.environ, "URL": nats.url, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Whatever it does not hear of, its test ends.
    killer = threading.Timer(120, process.kill)
    killer.daemon = True
    killer.start()
    return process


def said(process: subprocess.Popen[str], word: str) -> list[str]:
    """The next line, which begins with this word."""
    assert process.stdout is not None
    line = process.stdout.readline().split()
    assert line and line[0] == word, (line, process.poll())
    return line[1:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("def", "idle"), ("def", "sleeping"), ("def", "computing"), ("async def", "idle"), ("async def", "sleeping"),
        ("async def", "computing"), ("async def", "waiting"),
    ],
)  # fmt: skip
def test_the_first_signal_drains_at_once(
    nats: NatsWorld, kind: str, state: str, number: signal.Signals
) -> None:
    process = start(nats, kind, BODIES[state], state=state)
    nats.wait_for_consumer("greeter")
    if state != "idle":
        nats.post("run-1")
        said(process, "busy")
    process.send_signal(number)
    if state != "idle":
        # The run ends when the drain has begun, and not before.
        said(process, "draining")
        said(process, "ran")
    assert said(process, "report") == [str(int(state != "idle")), "0"]
    assert process.wait(30) == 0


#: Writes twice what the buffer has room for, which holds up nobody, then one line more.
FILLING = """
print("busy", flush=True)
sys.stdin.readline()
run.log("x" * 200_000)
run.log("x" * 200_000)
sys.setswitchinterval(1000)
full.release()
try: run.log("one more")
except LookupError: print("raised", flush=True)
""".strip()

#: Sends a signal while that line waits: no thread can begin before, since none is let in.
SENDING = """
import signal, threading
def handler(*_): raise LookupError
signal.signal(signal.SIGUSR1, handler)
full = threading.Lock()
full.acquire()
def send():
    full.acquire()
    os.kill(os.getpid(), {number})
threading.Thread(target=send, daemon=True).start()
"""


def start_filling(nats: NatsWorld, number: signal.Signals) -> subprocess.Popen[str]:
    process = start(nats, "async def", FILLING, imports=SENDING.format(number=int(number)), state="filling")
    nats.wait_for_consumer("greeter")
    nats.post("run-1")
    said(process, "busy")
    return process


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_full_log_holds_up_no_signal(nats: NatsWorld, number: signal.Signals) -> None:
    process = start_filling(nats, number)
    with nats.frozen():
        go_on(process)
        said(process, "draining")
    said(process, "ran")
    assert said(process, "report") == ["1", "0"]
    assert process.wait(30) == 0
    assert nats.lines()["run-1"][-1] == "one more"


def test_what_a_signal_handler_raises_ends_the_wait_and_keeps_the_line(nats: NatsWorld) -> None:
    process = start_filling(nats, signal.SIGUSR1)
    with nats.frozen():
        go_on(process)
        said(process, "raised")
    said(process, "ran")
    process.send_signal(signal.SIGTERM)
    said(process, "draining")
    assert said(process, "report") == ["1", "0"]
    assert nats.lines()["run-1"][-1] == "one more"


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_second_signal_ends_and_gives_back(nats: NatsWorld, kind: str) -> None:
    wait = "time.sleep" if kind == "def" else "await asyncio.sleep"
    process = start(nats, kind, f"print('busy', flush=True); {wait}(60)")
    nats.wait_for_consumer("greeter")
    nats.post("run-1")
    said(process, "busy")
    process.send_signal(signal.SIGINT)
    said(process, "draining")
    process.send_signal(signal.SIGINT)
    assert said(process, "report") == ["0", "1"]
    assert process.wait(30) == 0


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
def test_ctrl_c_under_a_runner_of_the_users_drains(nats: NatsWorld, module: str) -> None:
    if module == "uvloop":
        pytest.importorskip("uvloop")
    body = "print('busy', flush=True); await asyncio.sleep(0.5)"
    process = start(nats, "async def", body, f"{module}.run(manager.serve())", f"import {module}")
    nats.wait_for_consumer("greeter")
    nats.post("run-1")
    said(process, "busy")
    process.send_signal(signal.SIGINT)
    said(process, "draining")
    if sys.version_info >= (3, 11):
        assert process.wait(30) == -signal.SIGINT
    else:
        assert said(process, "report") == ["1", "0"]
    assert nats.results()["run-1"][0]["success"]


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
def test_sigterm_under_a_runner_of_the_users_drains(nats: NatsWorld, module: str) -> None:
    if module == "uvloop":
        pytest.importorskip("uvloop")
    body = "print('busy', flush=True); await asyncio.sleep(0.5)"
    process = start(nats, "async def", body, f"{module}.run(manager.serve())", f"import {module}")
    nats.wait_for_consumer("greeter")
    nats.post("run-1")
    said(process, "busy")
    process.send_signal(signal.SIGTERM)
    said(process, "draining")
    assert said(process, "report") == ["1", "0"]
    assert process.wait(30) == 0


def test_handlers_of_the_users_own_are_left_alone(
    program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    ended = program("""
import os, signal, threading
from conveyor_driver import Driver, DriverManager
from conveyor_driver.testing import EmbeddedStream
driver = Driver("greeter", resources=["greeting"])
driver.reconcile(lambda run: None)
mine = lambda *_: manager.stop()
signal.signal(signal.SIGTERM, mine)
manager = DriverManager(driver, stream=EmbeddedStream())
threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM]).start()
manager.run()
assert signal.getsignal(signal.SIGTERM) is mine
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
""")
    assert ended.returncode == 0, ended.stderr


def test_handlers_that_come_while_it_serves_stay(
    program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    ended = program("""
import asyncio, os, signal
from conveyor_driver import Driver, DriverManager
from conveyor_driver.testing import EmbeddedStream
driver = Driver("greeter", resources=["greeting"])
driver.reconcile(lambda run: None)
mine = lambda *_: None
async def main():
    heard = asyncio.Event()
    async def serve():
        manager = DriverManager(driver, stream=EmbeddedStream())
        served = asyncio.create_task(manager.serve())
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            await asyncio.sleep(0.01)
        signal.signal(signal.SIGTERM, mine)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, heard.set)
        manager.stop()
        await served
        assert signal.getsignal(signal.SIGTERM) is mine
        os.kill(os.getpid(), signal.SIGHUP)
        await heard.wait()
    await asyncio.wait_for(serve(), 30)
asyncio.run(main())
""")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_without_signals_ctrl_c_drains_and_raises(
    program: Callable[..., subprocess.CompletedProcess[str]], kind: str
) -> None:
    ended = program(f"""
import os, signal, threading, time
from conveyor_driver import Driver, DriverManager
from conveyor_driver.testing import EmbeddedStream
driver, stream = Driver("greeter", resources=["greeting"]), EmbeddedStream()
@driver.reconcile
{kind} reconcile(run):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
manager = DriverManager(driver, stream=stream, signals=False)
def post():
    while manager._session is None or not manager._session.started.wait(1):
        time.sleep(0.01)
    stream.post({{"name": "Ada", "resource": "greeting"}})
threading.Thread(target=post).start()
try:
    manager.run()
except KeyboardInterrupt:
    print(manager.report)
""")
    # A handler on the loop is where the interrupt is raised; its event is given back then.
    expected = "1 succeeded" if kind == "def" else "1 given back"
    assert ended.returncode == 0 and expected in ended.stdout, (ended.stdout, ended.stderr)

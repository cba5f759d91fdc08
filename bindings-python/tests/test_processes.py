"""Forks, subinterpreters, loops that are closed, and modules that are not there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Program = Callable[..., "subprocess.CompletedProcess[str]"]

DRIVER = """
import asyncio, gc, os, sys, threading, time
from conveyor_driver import *
from conveyor_driver.testing import EmbeddedStream
driver = Driver("greeter", resources=["greeting"], cancel_grace_ms=200)
stream = EmbeddedStream()
begun = threading.Event()
"""


def test_a_fork_is_told_that_its_manager_is_elsewhere(program: Program) -> None:
    ended = program(
        DRIVER
        + """
held = []
@driver.reconcile
def reconcile(run):
    held.append(run)
    begun.set()
    time.sleep(0.5)
with DriverManager(driver, stream=stream) as manager:
    run = stream.post({"name": "Ada", "resource": "greeting"})
    begun.wait()
    child = os.fork()
    if child == 0:
        try:
            manager.stop()
        except Forked as error:
            assert "before the fork" in str(error), error
            assert error.context["started_in_process"] == str(os.getppid())
            # What was inherited can be let go of.
            held.clear()
            gc.collect()
            other = Driver("greeter", resources=["greeting"])
            other.reconcile(lambda run: None)
            with DriverManager(other, stream=EmbeddedStream()):
                pass
            sys.exit(42)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    assert stream.result(run).succeeded
"""
    )
    assert ended.returncode == 0, ended.stderr


def test_a_child_that_is_spawned_has_its_own(program: Program, tmp_path: object) -> None:
    source = (
        DRIVER.replace("from conveyor_driver.testing", "import multiprocessing\nfrom conveyor_driver.testing")
        + """
driver.reconcile(lambda run: None)
def work():
    with DriverManager(driver, stream=stream):
        stream.result(stream.post({"name": "Ada", "resource": "greeting"}))
if __name__ == "__main__":
    with DriverManager(driver, stream=EmbeddedStream()):
        child = multiprocessing.get_context("spawn").Process(target=work)
        child.start()
        child.join()
    assert child.exitcode == 0
"""
    )
    path = f"{tmp_path}/spawns.py"
    with open(path, "w") as file:
        file.write(source)
    ended = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


def test_a_subinterpreter_is_told_that_it_cannot(program: Program) -> None:
    ended = program("""
import conveyor_driver
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
source = '''
try:
    import conveyor_driver
except ImportError as error:
    assert "subinterpreter" in str(error), error
else:
    raise AssertionError("imported")
'''
interpreter = interpreters.create()
failed = interpreters.run_string(interpreter, source)
interpreters.destroy(interpreter)
assert failed is None, failed
""")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("keep", ["", "tasks = asyncio.all_tasks(loop)"])
def test_runs_of_a_loop_that_is_closed_are_given_back(program: Program, keep: str) -> None:
    ended = program(
        DRIVER
        + f"""
@driver.reconcile
async def reconcile(run):
    if run.attempt == 1:
        begun.set()
        await asyncio.sleep(60)
    return DriverResult.success("by another")
manager = DriverManager(driver, stream=stream)
loop = asyncio.new_event_loop()
serving = loop.create_task(manager.serve())
async def first():
    while not begun.is_set():
        if manager._session and manager._session.started.happened and not posted:
            posted.append(stream.post({{"name": "Ada", "resource": "greeting"}}))
        await asyncio.sleep(0.01)
posted = []
loop.run_until_complete(first())
{keep}
loop.close()
manager._session.ended.wait(30)
assert manager.report.drivers[0].given_back == 1, manager.report
other = Driver("greeter", resources=["greeting"])
other.reconcile(reconcile)
with DriverManager(other, stream=stream):
    assert stream.result(posted[0]).message == "by another"
print("ended")
"""
    )
    assert ended.returncode == 0 and "ended" in ended.stdout, ended.stderr


def test_the_process_of_a_closed_loop_ends(program: Program) -> None:
    ended = program(
        DRIVER
        + """
@driver.reconcile
async def reconcile(run):
    begun.set()
    await asyncio.sleep(60)
manager = DriverManager(driver, stream=stream)
loop = asyncio.new_event_loop()
serving = loop.create_task(manager.serve())
async def busy():
    await asyncio.to_thread(lambda: manager._session.started.wait(30))
    stream.post({"name": "Ada", "resource": "greeting"})
    while not begun.is_set():
        await asyncio.sleep(0.01)
loop.run_until_complete(asyncio.sleep(0))
loop.run_until_complete(asyncio.wait_for(busy(), 30))
loop.close()
""",
        timeout=30,
    )
    assert ended.returncode == 0, ended.stderr


def test_asyncio_and_logging_are_not_imported_for_a_def(program: Program) -> None:
    ended = program("""
import sys
from conveyor_driver import Driver, DriverManager, DriverResult
driver = Driver("greeter", resources=["greeting"])
driver.reconcile(lambda run: DriverResult.success("done"))
manager = DriverManager(driver)
late = {"asyncio", "dataclasses", "inspect", "logging", "traceback", "typing"} & set(sys.modules)
assert not late, late
""")
    assert ended.returncode == 0, ended.stderr


def test_records_that_are_being_handled_at_the_end_are_not_lost(program: Program) -> None:
    ended = program(
        DRIVER
        + """
import logging
both_ended, more = threading.Event(), threading.Event()
class Slow(logging.Handler):
    def emit(self, record):
        if both_ended.is_set():
            more.set()
            time.sleep(0.1)
        both_ended.wait()
        print(record.getMessage().split()[0], flush=True)
logging.basicConfig(level=logging.INFO, handlers=[Slow()])
driver.reconcile(lambda run: None)
for _ in range(2):
    with DriverManager(driver, stream=stream):
        pass
both_ended.set()
more.wait()
"""
    )
    assert (ended.returncode, ended.stdout.split()) == (0, ["draining", "stopped:"] * 2), ended.stderr

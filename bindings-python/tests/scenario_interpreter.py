"""What a scenario's script says, carried out; see tests/scenarios/README.md."""

import asyncio
import contextlib
import dataclasses
import json
import time
from typing import Any

from conveyor_driver import DriverResult, Retry, Run

RELEASED: set[str] = set()
STEPS = set("log line tell progress block_ms sleep_ms hold wait_for_cancel exec by_attempt".split())
ENDS = set("succeed fail retry raise panic".split())


class UnknownStep(Exception):
    __module__ = "__main__"


async def interpret(run: Run, wait: Any, execute: Any) -> DriverResult | None:
    steps, exit = list(run.resource["spec"].get("script", [])), None
    if unknown := set().union(*steps) - STEPS - ENDS:
        raise UnknownStep(str(unknown))
    while steps:
        ((step, given),) = steps.pop(0).items()
        if step in ENDS:
            return end(step, given)
        if step == "log":
            run.log(given)
        elif step == "line":
            text, times = given["message"] * given.get("repeat", 1), given.get("times")
            for n in range(1, (times or 1) + 1):
                line = text if times is None else f"{text} {n}"
                getattr(run.log, given.get("level", "info"))(line, **given.get("labels", {}))
        elif step == "tell":
            run.log(json.dumps(dataclasses.asdict(exit)) if given == "exit" else fact(run, given))
        elif step == "progress":
            run.progress()
        elif step == "block_ms":
            time.sleep(given / 1000)
        elif step == "sleep_ms":
            await wait(lambda end=time.monotonic() + given / 1000: time.monotonic() >= end)
        elif step == "hold":
            await wait(lambda name=given: name in RELEASED)
        elif step == "wait_for_cancel":
            await wait(lambda: run.cancelled)
        elif step == "exec":
            options = {"env": given.get("env"), "stdin": given.get("stdin")}
            grace = given["grace_ms"] / 1000 if "grace_ms" in given else None
            exit = await execute(run, given["program"], given.get("args", []), grace=grace, **options)
        else:
            steps[:0] = given[min(run.attempt, len(given)) - 1]
    return None


def end(step: str, given: Any) -> DriverResult:
    message, data = given.get("message", ""), given.get("data")
    if step == "retry":
        raise Retry(message, after=given["after_ms"] / 1000 if "after_ms" in given else None)
    if step in ("raise", "panic"):
        raise (RuntimeError if step == "raise" else SystemExit)(message)
    data = data * given.get("repeat", 1) if isinstance(data, str) else data
    return DriverResult(step == "succeed", message, data)


def fact(run: Run, name: str) -> str:
    if name == "cancel_reason":
        return run.cancel_reason["kind"].title().replace("_", "") if run.cancel_reason else ""
    return run.resource["name"] if name == "resource_name" else str(getattr(run, name.replace("run_", "")))


def reconcile(run: Run) -> Any:
    async def wait(until: Any) -> None:
        while not until():
            time.sleep(0.005)

    async def execute(run: Run, program: str, args: Any, **options: Any) -> Any:
        return run.exec_sync(program, *args, **options)

    try:
        interpret(run, wait, execute).send(None)
    except StopIteration as end:
        return end.value


async def reconcile_async(run: Run) -> Any:
    async def wait(until: Any) -> None:
        while not until():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.005)

    async def execute(run: Run, program: str, args: Any, **options: Any) -> Any:
        command = asyncio.ensure_future(run.exec(program, *args, **options))
        await wait(command.done)
        return command.result()

    return await interpret(run, wait, execute)

"""The candidate in Python: an ordinary driver, as a user would write it. `async` or `uvloop`: on a loop."""

import os
import sys
import time

from conveyor_driver import Driver, DriverManager, DriverResult, Run

MODE = os.environ["MODE"]
LINES, BYTES = int(os.environ.get("LOG_LINES", 0)), int(os.environ.get("LOG_BYTES", 0))
SLEEP = int(os.environ.get("SLEEP_MS", 0)) / 1000

driver = Driver(
    os.environ["DRIVER_NAME"],
    resources=[os.environ["RESOURCE"]],
    concurrency=int(os.environ["CONCURRENCY"]),
    adopt=True,  # The consumer is there before the driver is.
)


def reconcile(run: Run) -> DriverResult:
    start_us = time.monotonic_ns() // 1000
    run.resource  # noqa: B018 - parses it
    if MODE == "logs":
        log = run.log
        for i in range(LINES):
            log(f"line {i:07} ".ljust(BYTES, "x"))
    elif MODE == "sleep":
        time.sleep(SLEEP)
    return DriverResult.success("ok", {"t_start_us": start_us})


async def reconcile_async(run: Run) -> DriverResult:
    start_us = time.monotonic_ns() // 1000
    run.resource  # noqa: B018 - parses it
    if MODE == "logs":
        log = run.log
        for i in range(LINES):
            await log(f"line {i:07} ".ljust(BYTES, "x"))
    elif MODE == "sleep":
        import asyncio

        await asyncio.sleep(SLEEP)
    return DriverResult.success("ok", {"t_start_us": start_us})


kind = sys.argv[1] if len(sys.argv) > 1 else ""
driver.reconcile(reconcile_async if kind else reconcile)
manager = DriverManager(driver, connection={"url": os.environ["NATS_URL"]})
if kind == "uvloop":
    import uvloop

    uvloop.run(manager.serve())
else:
    manager.run()

"""One step of a pipeline, as a driver of its own process; see tests/real_server."""

import json
import os

from conveyor_driver import Driver, DriverResult, Run

STEP = os.environ["STEP"]
PREFIX = "driverresults."

driver = Driver(STEP, resources=[os.environ["RESOURCE"]])


@driver.reconcile
async def reconcile(run: Run) -> DriverResult:
    resource = run.resource
    results = {
        key[len(PREFIX) :]: json.loads(text)
        for key, text in resource["metadata"].items()
        if key.startswith(PREFIX)
    }
    seen = sorted(f"{earlier}={result['data']['step']}" for earlier, result in results.items())
    for line in range(20):
        await run.log(f"{STEP} {line}")
    data = {"step": STEP, "seen": seen}
    # It reads its own resource through the API, as a driver may.
    if "ASKS_API" not in os.environ:
        stored = await run.client.resources.get(resource["resource"], resource["name"])
        data["stored"] = stored["name"]
    if resource["spec"].get("fail") == STEP:
        return DriverResult.failure("as it was asked to", data)
    return DriverResult.success("done", data)


driver.run()

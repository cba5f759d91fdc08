"""The second step of a pipeline: writes a note about the build that ``git-build`` did before it.

What an earlier step answered stands in the resource's metadata, as JSON text.
"""

from __future__ import annotations

import json
import logging
import sys

from conveyor_driver import Driver, DriverResult, Failed, Run

driver = Driver("build-note", resources=["build"])


@driver.reconcile
def note(run: Run) -> DriverResult:
    answer = run.resource["metadata"].get("driverresults.git-build")
    if answer is None:
        raise Failed("git-build has not answered: it belongs before build-note in the pipeline")
    build = json.loads(answer)
    run.log(f"git-build answered: {build['message']}")
    name, data = run.resource["name"], build["data"]
    seconds = data["duration_ms"] / 1000
    return DriverResult.success(f"{name} was built at {data['commit'][:7]} in {seconds:.1f} s")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="build_note: %(message)s")
    print(driver.run(), file=sys.stderr)

"""The third step of the demo's pipeline: runs the tests of what was built."""

from __future__ import annotations

import logging
import re
import sys

from conveyor_driver import Driver, DriverResult, Run

driver = Driver("test", resources=["app"])


@driver.reconcile
async def test(run: Run) -> DriverResult:
    spec = run.resource["spec"]
    output = await run.exec(*spec["test"], cwd=f"{spec['workspace']}/source")
    shown = re.sub(r"\.?/", "", spec["test"][0])
    return DriverResult(output.success, f"{shown}: {output}", {"exit_status": output.code})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="test_step: %(message)s")
    print(driver.run(), file=sys.stderr)

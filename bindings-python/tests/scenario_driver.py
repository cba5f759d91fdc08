"""The scripted driver as a program; see tests/scenarios/README.md. With `async` it runs on a loop."""

import dataclasses
import json
import os
import sys
import threading
from typing import Any

from conveyor_driver import ConveyorError, Driver, DriverManager
from scenario_interpreter import RELEASED, reconcile, reconcile_async


def say(document: Any) -> None:
    print(json.dumps(document), flush=True)


def obey(manager: DriverManager) -> None:
    for line in sys.stdin:
        ((request, given),) = json.loads(line).items()
        if request == "release":
            RELEASED.add(given)
        else:
            say({"cancelled": manager.cancel(given["run_id"], given["reason"])})
    manager.stop()


try:
    drivers = [Driver(**options) for options in json.loads(os.environ["SCENARIO_DRIVERS"])]
    for driver in drivers:
        driver.reconcile(reconcile_async if "async" in sys.argv else reconcile)
    manager = DriverManager(drivers, **json.loads(os.environ["SCENARIO_MANAGER"]))
    threading.Thread(target=obey, args=[manager], daemon=True).start()
    report = dataclasses.asdict(manager.run())
    for told in report["drivers"]:
        told["error"] = told["error"] and told["error"].name
        del told["runs"]
    say({"report": report})
except ConveyorError as error:
    say({"refused": {"code": error.name, "paths": list(error.context)}})

"""The first driver. It needs no server: the event stream is in this process.

python examples/python/greeter.py
"""

from __future__ import annotations

import asyncio

from conveyor_driver import Driver, DriverManager, DriverResult, Run
from conveyor_driver.testing import EmbeddedStream

greeter = Driver("greeter", resources=["greeting"])


@greeter.reconcile
async def reconcile(run: Run) -> DriverResult:
    name = run.resource["name"]
    run.log(f"greeting {name}")
    return DriverResult.success(f"hello, {name}")


async def main() -> None:
    stream = EmbeddedStream()
    async with DriverManager(greeter, stream=stream) as drivers:
        run = stream.post({"name": "Ada", "resource": "greeting"})
        result = await stream.aresult(run)
        for line in stream.log(run):
            print(f"{line['driver']}: {line['message']}")
        print(f"result: {result.message}")
    print(f"drained: {drivers.report}")


if __name__ == "__main__":
    asyncio.run(main())

// The first driver. It needs no server: the event stream is in this process.
//
// node examples/node/greeter.mjs

import { Driver, DriverManager, DriverResult } from "conveyor-driver";
import { EmbeddedStream } from "conveyor-driver/testing";

const greeter = new Driver({ name: "greeter", resources: ["greeting"] }, async (run) => {
  const { name } = run.resource;
  await run.log(`greeting ${name}`);
  return DriverResult.success(`hello, ${name}`);
});

const stream = new EmbeddedStream();
const manager = await new DriverManager({ drivers: greeter, stream }).start();
const run = stream.post({ name: "Ada", resource: "greeting" });
const result = await stream.result(run);
for (const line of stream.log(run)) {
  console.log(`${line.driver}: ${line.message}`);
}
console.log(`result: ${result.message}`);
console.log(`drained: ${await manager.stop()}`);

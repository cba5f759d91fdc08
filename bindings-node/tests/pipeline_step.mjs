// One step of a pipeline, as a driver of its own process; see tests/real_server.

import { Driver, DriverResult } from "conveyor-driver";

const { STEP, RESOURCE, ASKS_API } = process.env;
const PREFIX = "driverresults.";

const driver = new Driver({ name: STEP, resources: [RESOURCE] }, async (run) => {
  const { metadata, resource, name, spec } = run.resource;
  const seen = Object.entries(metadata)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => `${key.slice(PREFIX.length)}=${JSON.parse(text).data.step}`)
    .sort();
  for (let line = 0; line < 20; line++) {
    await run.log(`${STEP} ${line}`);
  }
  const data = { step: STEP, seen };
  // It reads its own resource through the API, as a driver may.
  if (ASKS_API === undefined) {
    data.stored = (await run.client.resources.get(resource, name)).name;
  }
  return spec.fail === STEP ? DriverResult.failure("as it was asked to", data) : DriverResult.success("done", data);
});

await driver.run();

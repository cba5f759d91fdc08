// The candidate in JavaScript: an ordinary driver, as a user would write it.

import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../../bindings-node/package.json", import.meta.url)));
const { Driver, DriverManager, DriverResult } = require("conveyor-driver");

const { DRIVER_NAME, RESOURCE, CONCURRENCY, MODE, LOG_LINES, LOG_BYTES, SLEEP_MS, NATS_URL } = process.env;
const LINES = Number(LOG_LINES ?? 0);
const BYTES = Number(LOG_BYTES ?? 0);

const driver = new Driver(
  {
    name: DRIVER_NAME,
    resources: [RESOURCE],
    concurrency: Number(CONCURRENCY),
    adopt: true, // The consumer is there before the driver is.
  },
  async (run) => {
    const startUs = Number(process.hrtime.bigint() / 1000n);
    run.resource; // Parses it.
    if (MODE === "logs") {
      const { log } = run;
      for (let i = 0; i < LINES; i++) {
        await log(`line ${String(i).padStart(7, "0")} `.padEnd(BYTES, "x"));
      }
    } else if (MODE === "sleep") {
      await sleep(Number(SLEEP_MS));
    }
    return DriverResult.success("ok", { t_start_us: startUs });
  },
);

await new DriverManager({ drivers: driver, connection: { url: NATS_URL } }).run();

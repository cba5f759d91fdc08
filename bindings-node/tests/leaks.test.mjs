// What runs leave behind: nothing. LEAK_EVENTS sends so many.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { NatsWorld, until } from "./nats_world.mjs";

const EVENTS = Number(process.env.LEAK_EVENTS ?? 12_000);
const cwd = fileURLToPath(new URL("..", import.meta.url));

const PROGRAM = `
  import { Driver, DriverManager, DriverResult } from "conveyor-driver";
  const driver = new Driver({ name: "leak", resources: ["leak"], concurrency: 50 }, async (run) => {
    await run.log("a line of " + run.resource.name, { n: run.attempt });
    if (run.signal.aborted) throw new Error("it is cancelled");
    return DriverResult.success("done", { spec: run.resource.spec });
  });
  process.on("message", () => {
    gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send({ heapUsed, external, rss });
  });
  await new DriverManager({ drivers: driver, connection: { url: process.env.NATS_URL } }).run();
  process.disconnect();
`;

test("memory does not grow with the number of events", async (t) => {
  const world = await NatsWorld.start();
  t.after(() => world.end());
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", PROGRAM], {
    cwd,
    env: { ...process.env, NATS_URL: world.url },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  await world.driver("leak");
  const used = () =>
    new Promise((resolve) => {
      child.once("message", resolve);
      child.send("how much?");
    });
  let posted = 0;
  const run = async (events) => {
    for (const last = posted + events; posted < last; ) {
      const burst = Array.from({ length: Math.min(500, last - posted) }, (_, i) => `leak-${posted + i}`);
      await world.postAtOnce(burst, { resource: "leak", spec: "x".repeat(500) });
      posted += burst.length;
      const stored = async () => (await world.manager.streams.info("pipeline-engine")).state.messages >= posted;
      await until(stored, "the events are not answered");
    }
  };
  await run(Math.round(EVENTS / 2));
  const before = await used();
  await run(EVENTS - posted);
  const after = await used();
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  const grown = (kind) => (after[kind] - before[kind]) / 2 ** 20;
  t.diagnostic(`${EVENTS} events: heap ${grown("heapUsed").toFixed(2)} MB, external ${grown("external").toFixed(2)} MB, rss ${grown("rss").toFixed(1)} MB; rss is ${(after.rss / 2 ** 20).toFixed(0)} MB`);
  // The heap of what was loaded only later; a leak of one object for each event would be more.
  assert(grown("heapUsed") < 2, `the heap grew by ${grown("heapUsed")} MB`);
  assert(grown("external") < 2, `external memory grew by ${grown("external")} MB`);
  assert(grown("rss") < 24, `the process grew by ${grown("rss")} MB`);
});

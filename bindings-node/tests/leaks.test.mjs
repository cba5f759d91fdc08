// What runs leave behind: nothing. LEAK_EVENTS sends so many.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { NatsWorld, until } from "./nats_world.mjs";

const EVENTS = Number(process.env.LEAK_EVENTS ?? 20_000);
const BATCHES = 10;
const cwd = fileURLToPath(new URL("..", import.meta.url));
// V8's nursery grows with the load from 1 to 48 MB; held small, what the process grows by is held by somebody.
const FLAGS = ["--expose-gc", "--max-semi-space-size=1", "--input-type=module"];

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
  const child = spawn(process.execPath, [...FLAGS, "--eval", PROGRAM], {
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
  const batch = EVENTS / BATCHES;
  const sizes = [];
  while (sizes.length < BATCHES) {
    const posted = sizes.length * batch;
    const runs = Array.from({ length: batch }, (_, i) => `leak-${posted + i}`);
    await world.postAtOnce(runs, { resource: "leak", spec: "x".repeat(500) });
    const stored = async () => (await world.manager.streams.info("pipeline-engine")).state.messages;
    await until(async () => (await stored()) >= posted + batch, "the events are not answered");
    sizes.push(await used());
  }
  const [before, after] = [sizes[BATCHES / 2 - 1], sizes.at(-1)];
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  const grown = (kind) => (after[kind] - before[kind]) / 2 ** 20;
  t.diagnostic(`${EVENTS} events: heap ${grown("heapUsed").toFixed(2)} MB, external ${grown("external").toFixed(2)} MB, rss ${grown("rss").toFixed(1)} MB; rss is ${(after.rss / 2 ** 20).toFixed(0)} MB`);
  // A leak of an object, or of 1 KB, for each event of the second half would be more.
  assert(grown("heapUsed") < 0.5, `the heap grew by ${grown("heapUsed")} MB`);
  assert(grown("external") < 0.5, `external memory grew by ${grown("external")} MB`);
  assert(grown("rss") < 4, `the process grew by ${grown("rss")} MB`);
});

const MANAGERS = `
  import { readdirSync } from "node:fs";
  import { setTimeout as sleep } from "node:timers/promises";
  import { Driver, DriverManager } from "conveyor-driver";
  import { EmbeddedStream } from "conveyor-driver/testing";
  const KEPT = ["driver", "handler", "manager", "stream"];
  const kept = new Map(KEPT.map((kind) => [kind, 0]));
  const registry = new FinalizationRegistry((kind) => kept.set(kind, kept.get(kind) - 1));
  const keep = (kind, object) => (kept.set(kind, kept.get(kind) + 1), registry.register(object, kind), object);
  async function one() {
    const driver = keep("driver", new Driver({ name: "a", resources: ["a"] }, keep("handler", () => {})));
    const stream = keep("stream", new EmbeddedStream());
    const manager = keep("manager", new DriverManager({ drivers: driver, stream }));
    await manager.start();
    await stream.result(stream.post({ resource: "a" }));
    return manager;
  }
  const many = async (count) => {
    const managers = await Promise.all(Array.from({ length: count }, one));
    await Promise.all(managers.map((manager) => manager.stop()));
  };
  const open = () => {
    const listeners = ["exit", "uncaughtException", "SIGINT"].map((name) => process.listenerCount(name));
    return { descriptors: readdirSync("/proc/self/fd").length, threads: readdirSync("/proc/self/task").length, listeners };
  };
  const settled = async (enough) => {
    // Until it is so: the test ends this otherwise.
    do {
      gc();
      await sleep(10);
    } while (!enough(open()));
  };
  const none = () => [...kept.values()].every((count) => count === 0);
  await many(2);
  await settled(none);
  const before = open();
  await many(60);
  const asMany = ({ descriptors, threads, listeners }) =>
    descriptors <= before.descriptors && threads <= before.threads && listeners.every((count, i) => count <= before.listeners[i]);
  await settled((now) => none() && asMany(now));
  process.stdout.write("nothing is left");
`;

test("managers that have ended leave nothing behind", async (t) => {
  const child = spawn(process.execPath, [...FLAGS, "--eval", MANAGERS], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  await until(() => said === "nothing is left", "something is left of managers that have ended");
});

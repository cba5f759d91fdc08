import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Driver, DriverManager, DriverResult } from "conveyor-driver";
import { EmbeddedStream, runDriver } from "conveyor-driver/testing";

import { NatsWorld } from "./nats_world.mjs";

const OPTIONS = { name: "greeter", resources: ["greeting"] };
const greet = (run) => DriverResult.success(`hello, ${run.resource.name}`);
const post = (stream, name = "Ada", options) => stream.post({ resource: "greeting", name }, options);

test("a driver runs against a real server, with everything stored", async (t) => {
  const world = await NatsWorld.start();
  t.after(() => world.end());
  const driver = new Driver({ ...OPTIONS, concurrency: 20 }, async (run) => {
    await run.log(`greeting ${run.resource.name}`);
    await sleep(1);
    return greet(run);
  });
  const manager = await new DriverManager({ drivers: driver, connection: { url: world.url } }).start();
  const runs = Array.from({ length: 200 }, (_, i) => `run-${i}`);
  await world.post(runs);
  const results = await world.answered(runs);
  const report = await manager.stop();
  assert.equal(report.drivers[0].succeeded, 200);
  const lines = await world.lines();
  for (const run of runs) {
    assert.deepEqual(results[run], [{ success: true, message: `hello, ${run}`, data: null, driver: "greeter" }]);
    assert.deepEqual(lines[run], [`greeting ${run}`]);
  }
  const { num_ack_pending, num_pending } = await world.manager.consumers.info("messages", "greeter");
  assert.deepEqual([num_ack_pending, num_pending], [0, 0]);
});

test("a payload that is not JSON is given as it is, and an error only where the resource is asked for", async (t) => {
  const world = await NatsWorld.start();
  t.after(() => world.end());
  const deep = `{"resource":"greeting","name":"x","spec":${"[".repeat(200)}${"]".repeat(200)}}`;
  const seen = [];
  const driver = new Driver(OPTIONS, (run) => {
    seen.push(run.payload);
    assert.throws(() => run.resource, { code: "MessageInvalid" });
  });
  const manager = await new DriverManager({ drivers: driver, connection: { url: world.url } }).start();
  await world.post(["run-1"], { payload: deep });
  const results = await world.answered(["run-1"]);
  await manager.stop();
  assert.deepEqual(seen, [deep]);
  assert.equal(results["run-1"][0].success, true);
});

test("a server that is not there is an error in time", async () => {
  const connection = { url: "nats://127.0.0.1:1", connectTimeoutMs: 200 };
  const manager = new DriverManager({ drivers: new Driver(OPTIONS, greet), connection, logger: null });
  await assert.rejects(manager.run(), { code: "Unavailable" });
  assert.equal(manager.report, null);
  const other = new DriverManager({ drivers: new Driver(OPTIONS, greet), connection, logger: null });
  await assert.rejects(other.start(), { code: "Unavailable", retryable: true });
});

test("credentials are no part of any error", async () => {
  const connection = { url: "nats://127.0.0.1:1", user: "me", password: "hunter2", connectTimeoutMs: 100 };
  const manager = new DriverManager({ drivers: new Driver(OPTIONS, greet), connection, logger: null });
  await assert.rejects(manager.run(), (error) => !JSON.stringify([error, error.message, error.stack]).includes("hunter2"));
});

test("drivers of different names run side by side on one connection", async () => {
  const stream = new EmbeddedStream();
  const drivers = ["one", "two"].map((name) => new Driver({ ...OPTIONS, name }, () => DriverResult.success(name)));
  const manager = await new DriverManager({ drivers, stream }).start();
  const answers = await stream.results(post(stream), 2);
  assert.deepEqual(answers.map(({ driver, message }) => `${driver} ${message}`).sort(), ["one one", "two two"]);
  const addressed = await stream.results(post(stream, "x", { driver: "two" }));
  assert.deepEqual(addressed.map(({ driver }) => driver), ["two"]);
  const report = await manager.stop();
  assert.deepEqual(report.drivers.map(({ driver, succeeded, error }) => [driver, succeeded, error]), [
    ["one", 1, null],
    ["two", 2, null],
  ]);
  assert.match(String(report), /one: 1 succeeded/);
  assert.equal(manager.report, report);
});

test("a drain lets runs finish and gives back what has not started", async () => {
  const stream = new EmbeddedStream();
  let begun;
  const begins = new Promise((resolve) => (begun = resolve));
  const driver = new Driver(OPTIONS, async () => {
    begun();
    await sleep(100);
    return DriverResult.success("finished");
  });
  const manager = await new DriverManager({ drivers: driver, stream }).start();
  const run = post(stream);
  await begins;
  const [report, again] = await Promise.all([manager.stop(), manager.stop()]);
  assert.equal(report, again);
  assert.equal(report.drivers[0].succeeded, 1);
  assert.equal((await stream.result(run)).message, "finished");
});

test("ending now gives everything back without waiting", async () => {
  const stream = new EmbeddedStream();
  let begun;
  const begins = new Promise((resolve) => (begun = resolve));
  const driver = new Driver(OPTIONS, () => (begun(), new Promise(() => {})));
  const manager = await new DriverManager({ drivers: driver, stream, shutdownGraceMs: 600_000 }).start();
  const run = post(stream);
  await begins;
  const report = await manager.endNow();
  assert.equal(report.drivers[0].given_back ?? report.drivers[0].givenBack, 1);
  const next = await new DriverManager({ drivers: new Driver(OPTIONS, greet), stream }).start();
  assert.equal((await stream.result(run)).message, "hello, Ada");
  await next.stop();
});

test("a signal that aborts drains", async (t) => {
  const stream = new EmbeddedStream();
  const controller = new AbortController();
  t.after(() => controller.abort());
  const { signal } = controller;
  // The stream keeps an event for a driver that it knows.
  await (await new DriverManager({ drivers: new Driver(OPTIONS, greet), stream }).start()).stop();
  const running = new DriverManager({ drivers: new Driver(OPTIONS, greet), stream }).run({ signal });
  await stream.result(post(stream));
  controller.abort();
  assert.equal((await running).drivers[0].succeeded, 1);
  const other = new DriverManager({ drivers: new Driver(OPTIONS, greet), stream: new EmbeddedStream() });
  const later = new AbortController();
  const ending = other.run({ signal: later.signal });
  later.abort();
  assert.equal((await ending).drivers[0].runs, 0);
});

test("a manager that was stopped before its start drains at once", async () => {
  const manager = new DriverManager({ drivers: new Driver(OPTIONS, greet), stream: new EmbeddedStream() });
  assert.equal(await manager.stop(), undefined);
  assert.equal((await manager.run()).drivers[0].runs, 0);
});

test("disposing drains", async () => {
  const stream = new EmbeddedStream();
  const manager = await new DriverManager({ drivers: new Driver(OPTIONS, greet), stream }).start();
  const run = post(stream);
  await stream.result(run);
  await manager[Symbol.asyncDispose]();
  assert.equal(manager.report.drivers[0].succeeded, 1);
});

test("a result that does not come in time is an error", async () => {
  const stream = new EmbeddedStream();
  await assert.rejects(stream.result("nobody", { timeoutMs: 10 }), { code: "TimedOut" });
  const never = new Driver(OPTIONS, () => new Promise(() => {}));
  await assert.rejects(runDriver(never, {}, { timeoutMs: 30, shutdownGraceMs: 0, logger: null }), { code: "TimedOut" });
});

test("the test of a handler that is stuck ends in time, however long a drain may take", { timeout: 60_000 }, async () => {
  const never = new Driver(OPTIONS, () => new Promise(() => {}));
  const options = { timeoutMs: 30, shutdownGraceMs: 3_600_000, logger: null };
  await assert.rejects(runDriver(never, {}, options), { code: "TimedOut" });
});

test("a result can be waited for as long as one likes", async (t) => {
  const stream = new EmbeddedStream();
  const manager = await new DriverManager({ drivers: new Driver(OPTIONS, greet), stream }).start();
  t.after(() => manager.stop());
  for (const timeoutMs of [Infinity, 1e12]) {
    assert.equal((await stream.result(post(stream), { timeoutMs })).message, "hello, Ada");
  }
});

test("the library's own records go to the logger, and a logger that throws does no harm", async () => {
  const told = [];
  const logger = Object.fromEntries(["debug", "info", "warn", "error"].map((level) => [
    level,
    (message) => {
      told.push(`${level}: ${message}`);
      throw new Error("the disk is full");
    },
  ]));
  const { write } = process.stderr;
  const complaints = [];
  process.stderr.write = (text) => complaints.push(text);
  try {
    const never = new Driver({ ...OPTIONS, runTimeoutMs: 20, cancelGraceMs: 20 }, () => new Promise(() => {}));
    const { result } = await runDriver(never, {}, { logger });
    assert.equal(result.success, false);
  } finally {
    process.stderr.write = write;
  }
  assert(told.some((line) => /^warn: .*driver=greeter/.test(line)), told.join("\n"));
  assert.match(complaints.join(), /the logger failed: Error: the disk is full/);
});

test("dead letters are there to be looked at", async (t) => {
  const stream = new EmbeddedStream();
  const manager = await new DriverManager({ drivers: new Driver(OPTIONS, greet), stream }).start();
  t.after(() => manager.stop());
  assert.deepEqual(stream.deadLetters(), []);
  assert.throws(() => stream.post("no resource"), { code: "MessageInvalid" });
  assert.throws(() => stream.post({ n: 1n }), { name: "TypeError", message: /^resource.n/ });
  assert.throws(() => stream.post({}, { runId: 7 }), { name: "TypeError", message: /^runId/ });
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConveyorError, Driver, DriverManager, DriverResult, ERROR_CODES, Retry } from "conveyor-driver";
import { EmbeddedStream, runDriver } from "conveyor-driver/testing";

import { broken, having, THROWN } from "./thrown.mjs";

const OPTIONS = { name: "greeter", resources: ["greeting"] };
const nothing = () => {};
const returning = (result) => new Driver(OPTIONS, () => result);
const faults = (make) => {
  try {
    make();
  } catch (error) {
    assert(error instanceof ConveyorError, error);
    assert.equal(error.code, "OptionsInvalid");
    assert.equal(error.retryable, false);
    return error.context;
  }
  assert.fail("nothing was refused");
};

test("an unknown option is refused with the nearest name", () => {
  const context = faults(() => new Driver({ ...OPTIONS, ackWaitMS: 1, runTimeout: 2 }, nothing));
  assert.match(context.runTimeout, /did you mean `runTimeoutMs`\?/);
  assert.equal(Object.keys(context).length, 2);
  assert.match(faults(() => new DriverManager({ drivers: [], signal: true })).signal, /did you mean `signals`/);
});

test("a name in another language's form is refused", () => {
  const told = { name: "TypeError", message: "ack_wait_ms: there is no such option; did you mean ackWaitMs?" };
  assert.throws(() => new Driver({ ...OPTIONS, ack_wait_ms: 1 }, nothing), told);
});

test("an option of the wrong type is named by its path", () => {
  assert.match(faults(() => new Driver({ ...OPTIONS, concurrency: "3" }, nothing)).concurrency, /string "3"/);
  assert.match(faults(() => new Driver({ name: "a", resources: ["a", 5] }, nothing))["resources[1]"], /integer/);
  const tls = { caFile: 7 };
  assert.match(faults(() => new DriverManager({ drivers: [], connection: { tls } }))["connection.tls.caFile"], /7/);
});

test("options that are none are refused", () => {
  for (const options of [undefined, null, "greeter", []]) {
    assert.throws(() => new Driver(options, nothing), { name: "TypeError", message: /^options: / });
  }
  assert.throws(() => new DriverManager(), { name: "TypeError", message: /^options: undefined/ });
  assert.throws(() => new DriverManager({ drivers: [{}] }), { message: "drivers[0]: an object is no Driver" });
  assert.throws(() => new DriverManager({}), { message: "drivers[0]: undefined is no Driver" });
  assert.throws(() => new DriverManager({ drivers: [], stream: {} }), { message: /^stream: / });
  assert.throws(() => new DriverManager({ drivers: [], logger: {} }), { message: /^logger: an object has no method debug/ });
  assert.throws(() => new Driver({ ...OPTIONS, concurrency: 3n }, nothing), { message: /^concurrency: a BigInt/ });
});

test("a driver without a name or a resource is refused", async () => {
  const driver = new Driver({ name: undefined, resources: [] }, nothing);
  await assert.rejects(new DriverManager({ drivers: driver }).run(), (error) => {
    assert.equal(error.code, "OptionsInvalid");
    assert.deepEqual(Object.keys(error.context).sort(), ["drivers[0].name", "drivers[0].resources"]);
    return true;
  });
});

test("what cannot be a reconcile is refused", () => {
  for (const [reconcile, told] of [
    [undefined, /^reconcile: undefined is no function/],
    [{}, /^reconcile: an object is no function/],
    [class Greeter {}, /^reconcile: Greeter is a class/],
    [function* yields() {}, /^reconcile: yields yields/],
    [async function* yields() {}, /^reconcile: yields yields/],
  ]) {
    assert.throws(() => new Driver(OPTIONS, reconcile), { name: "TypeError", message: told });
  }
});

test("a delay that is none is refused", () => {
  for (const afterMs of [-1, NaN, Infinity, "5"]) {
    assert.throws(() => new Retry({ afterMs }), { name: "TypeError", message: /^afterMs: / });
  }
});

test("data that are not JSON fail the run and name their place", async () => {
  const ring = { inner: {} };
  ring.inner.ring = ring;
  for (const [data, told] of [
    [{ list: [1, 2n] }, "data.list[1]: a BigInt is not JSON; give it as text"],
    [ring, "data.inner.ring: is part of itself, which JSON cannot hold"],
    [{ f: nothing }, "data.f: a function is not JSON"],
    [[undefined], "data[0]: undefined is not JSON"],
    [{ n: NaN }, "data.n: NaN is not JSON"],
    [{ m: new Map() }, "data.m: Map is not JSON"],
    [{ b: new Uint8Array(2) }, "data.b: Uint8Array is not JSON"],
    [{ s: "\ud800" }, "data.s: holds a lone surrogate, which is not text"],
  ]) {
    const { result } = await runDriver(returning(DriverResult.success("", data)), {});
    assert.equal(result.success, false);
    assert.equal(result.message, told);
    assert.equal(result.data.error.type, "TypeError");
  }
});

test("data that are nested too deep fail the run", async () => {
  let deep = {};
  for (let i = 0; i < 5000; i++) {
    deep = { deep };
  }
  const { result } = await runDriver(returning(DriverResult.success("", deep)), {});
  assert.match(result.message, /nested too deep/);
});

test("what is no result fails the run and says what is one", async () => {
  for (const [returned, told] of [
    ["done", /reconcile returned a string/],
    [[], /reconcile returned an array/],
    [true, /reconcile returned a boolean/],
    [{}, /without the member success/],
    [{ success: true, massage: "" }, /unknown member massage/],
    [{ success: 1 }, /^success: a number/],
    [{ success: true, message: 7 }, /^message: a number/],
  ]) {
    const { result } = await runDriver(returning(returned), {});
    assert.equal(result.success, false);
    assert.match(result.message, told);
  }
});

for (const [name, thrown] of Object.entries(THROWN)) {
  test(`whatever is thrown is answered: ${name}`, async () => {
    const options = { ...OPTIONS, maxAttempts: 2, retryInitialMs: 1, retryMaxMs: 1 };
    for (const reconcile of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const { result } = await runDriver(new Driver(options, reconcile), {}, { timeoutMs: 20_000, logger: null });
      assert.equal(result.success, false);
      assert.equal(typeof result.data.error.type, "string");
    }
  });
}

test("a retry stays one although its message cannot be read, and says what is wrong with its delay", async () => {
  const again = new Driver({ ...OPTIONS, retryInitialMs: 1 }, (run) => {
    if (run.attempt === 1) {
      throw having(new Retry("again"), "message", { get: broken });
    }
    throw having(new Retry("again"), "afterMs", { value: NaN });
  });
  const { result, attempts } = await runDriver(again, {});
  assert.equal(attempts, 2);
  assert.match(result.message, /^afterMs: NaN is no number/);
  assert.match(result.data.error.traceback, /^Retry: again/);
});

test("labels that are not JSON are refused where they are given", async () => {
  const driver = new Driver(OPTIONS, (run) => {
    assert.throws(() => run.log("x", { n: 1n }), { name: "TypeError", message: /^labels.n: a BigInt/ });
    for (const labels of ["more", 7, [1], new Date()]) {
      assert.throws(() => run.log("x", labels), { name: "TypeError", message: /^labels: .* is no object with labels/ });
    }
  });
  assert.equal((await runDriver(driver, {})).result.success, true);
});

test("arguments of a command are checked", async () => {
  const driver = new Driver(OPTIONS, async (run) => {
    await assert.rejects(run.exec(7), { message: "program: a number is not text" });
    await assert.rejects(run.exec("true", "x"), { message: "args: a string is no array" });
    await assert.rejects(run.exec("true", [1]), { message: "args[0]: a number is no argument; give it as text" });
    await assert.rejects(run.exec("true", [], { dir: "/" }), { message: /^dir: there is no such option/ });
    await assert.rejects(run.exec("true", [], { env: { A: 1 } }), { code: "OptionsInvalid" });
    for (const [program, args, options, message] of [
      ["a\ud800", [], {}, /^program: holds a lone surrogate/],
      ["true", ["a\ud800"], {}, /^args\[0\]: holds a lone surrogate/],
      ["true", [], null, /^options: null/],
      ["true", [], [], /^options: an array/],
      ["true", [], { env: "A=1" }, /^env: a string/],
      ["true", [], { env: ["A=1"] }, /^env: an array/],
      ["true", [], { env: new Map() }, /^env: Map/],
      ["true", [], { env: null }, /^env: null/],
      ["true", [], { cwd: 3 }, /^cwd: a number/],
      ["true", [], { cwd: new URL("http://x/") }, /^cwd: /],
      ["true", [], { cwd: new URL("file://host/x") }, /^cwd: /],
      ["true", [], { stdin: 5 }, /^stdin: a number/],
      ["true", [], { stdin: [1] }, /^stdin: an array/],
      ["true", [], { stdin: new ArrayBuffer(2) }, /^stdin: ArrayBuffer/],
      ["true", [], { stdin: "a\ud800" }, /^stdin: holds a lone surrogate/],
      ["true", [], { graceMs: NaN }, /^graceMs: NaN/],
      ["true", [], { signal: {} }, /^signal: an object/],
    ]) {
      await assert.rejects(run.exec(program, args, options), { name: "TypeError", message });
    }
    for (const env of [{ "A=B": "1" }, { "": "1" }]) {
      await assert.rejects(run.exec("true", [], { env }), ({ code, context }) => code === "OptionsInvalid" && "env" in context);
    }
    for (const [options, path] of [[{ env: { A: "1\0" } }, "env.A"], [{ cwd: "/\0" }, "cwd"]]) {
      await assert.rejects(run.exec("true", [], options), ({ code, context }) => code === "OptionsInvalid" && path in context);
    }
    await assert.rejects(run.exec("true", [], { graceMs: -1 }), ({ context }) => "graceMs" in context);
    await assert.rejects(run.exec("no-such-program"), { code: "ExecFailed" });
    await assert.rejects(run.exec("true", [], { signal: AbortSignal.abort() }), { name: "AbortError" });
  });
  assert.equal((await runDriver(driver, {})).result.message, "");
});

test("a signal that has aborted or is none is refused", async () => {
  const make = () => new DriverManager({ drivers: returning(null), stream: new EmbeddedStream() });
  await assert.rejects(make().run({ signal: {} }), { name: "TypeError", message: /^signal: / });
  await assert.rejects(make().run({ signal: AbortSignal.abort() }), { code: "Cancelled", message: /^signal: / });
});

test("arguments that do not fit are named", async () => {
  const stream = new EmbeddedStream();
  const manager = new DriverManager({ drivers: returning(null), stream });
  for (const [call, message] of [
    [() => manager.run({ timeoutMs: 1 }), /^timeoutMs: there is no such option/],
    [() => manager.run(null), /^options: null/],
    [async () => manager.cancel(7), /^runId: a number/],
    [() => stream.results(7), /^runId: a number/],
    [() => stream.results("x", -1), /^count: -1/],
    [() => stream.results("x", 1, { timeoutMs: "5" }), /^timeoutMs: '5'/],
    [() => stream.results("x", 1, { timeoutMs: NaN }), /^timeoutMs: NaN/],
    [() => stream.results("x", 1, { timeout: 5 }), /^timeout: there is no such option/],
    [async () => stream.post({ resource: "greeting" }, { runID: "x" }), /^runID: there is no such option/],
    [async () => stream.log(7), /^runId: a number/],
  ]) {
    await assert.rejects(call, { name: "TypeError", message });
  }
});

test("a manager that could not start can be disposed of", async () => {
  const connection = { url: "nats://127.0.0.1:1", connectTimeoutMs: 20 };
  const manager = new DriverManager({ drivers: returning(null), connection, logger: null });
  await assert.rejects(manager.start(), { code: "Unavailable" });
  await manager[Symbol.asyncDispose]();
  await assert.rejects(manager.start(), { code: "Closed" });
  await assert.rejects(manager.stop(), { code: "Unavailable" });
});

test("a manager runs once", async () => {
  const manager = await new DriverManager({ drivers: returning(null), stream: new EmbeddedStream() }).start();
  await assert.rejects(manager.run(), { code: "Closed" });
  await manager.stop();
  await assert.rejects(manager.start(), { code: "Closed" });
});

test("two drivers of one name are refused", async () => {
  const drivers = [returning(null), returning(null)];
  await assert.rejects(new DriverManager({ drivers, stream: new EmbeddedStream() }).start(), { code: "OptionsInvalid" });
});

test("what is no resource cannot be posted", () => {
  const stream = new EmbeddedStream();
  for (const resource of [{ name: "x" }, { name: "x", resource: "a b" }]) {
    assert.throws(() => stream.post(resource), { code: "MessageInvalid", message: /resource\.resource / });
  }
});

test("codes have their numbers", () => {
  assert.equal(ERROR_CODES.OptionsInvalid, 1);
  assert.equal(new ConveyorError("Unavailable", "x").retryable, true);
});

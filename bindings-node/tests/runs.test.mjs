import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { captureConsole, ConveyorError, currentRun, Driver, DriverManager, DriverResult, Failed, Retry } from "conveyor-driver";
import { EmbeddedStream, runDriver } from "conveyor-driver/testing";

import { until } from "./nats_world.mjs";

const OPTIONS = { name: "greeter", resources: ["greeting"] };
const driver = (reconcile, options) => new Driver({ ...OPTIONS, ...options }, reconcile);
const outcome = (reconcile, resource = {}, options) => runDriver(driver(reconcile), resource, options);
const text = (levels) => levels.map(({ message, labels }) => [message, labels]);

test("a run knows its event, resource and attempt", async () => {
  const resource = { name: "Ada", spec: { big: 1.5, list: [null, true] }, metadata: { a: "b" } };
  let seen;
  const { result, attempts } = await outcome((run) => void (seen = run), resource, { event: "update" });
  assert.deepEqual(result, new DriverResult(true, "", null));
  assert.equal(attempts, 1);
  assert.equal(seen.event, "update");
  assert.equal(seen.driver, "greeter");
  assert.equal(seen.attempt, 1);
  assert.equal(seen.deadline, null);
  assert.match(seen.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(JSON.parse(seen.payload), { resource: "greeting", ...resource });
  // Read after the end, too, and complete.
  assert.deepEqual(seen.resource, { id: "", resource: "greeting", ...resource });
  assert.equal(seen.resource, seen.resource);
});

test("a complete resource is read where it is, and the same", async () => {
  const resource = { id: "7", name: "Ada", resource: "greeting", metadata: {}, spec: ["ü", 2] };
  let read;
  await outcome((run) => void (read = run.resource), resource);
  assert.deepEqual(read, resource);
});

test("lines have their levels and labels, in their order, awaited or not", async () => {
  const { log, lines } = await outcome(async (run) => {
    const { log } = run;
    log("one");
    await log("two", { n: 2, deep: { list: [1] } });
    log.debug("three");
    log.info("four");
    void log.warning("five");
    log.error("six");
    log(7);
  });
  assert.deepEqual(lines, ["one", "two", "three", "four", "five", "six", "7"]);
  assert.deepEqual(text(log).slice(0, 3), [
    ["one", { level: "info" }],
    ["two", { n: 2, deep: { list: [1] }, level: "info" }],
    ["three", { level: "debug" }],
  ]);
  assert.deepEqual(log.map(({ labels }) => labels.level).slice(3), ["info", "warning", "error", "info"]);
});

test("a log that is full makes the writer wait, and loses nothing", async () => {
  const most = 20_000;
  const slow = driver(
    async (run) => {
      for (let i = 0; i < most; i++) {
        await run.log(`${i} ${"x".repeat(100)}`);
      }
    },
    { logBufferBytes: 65_536 },
  );
  const { lines } = await runDriver(slow, {});
  assert.deepEqual(lines.map((line) => Number(line.split(" ")[0])), Array.from({ length: most }, (_, i) => i));
});

test("a writer that never awaits is held up where the log is full, and loses nothing", async () => {
  const most = 20_000;
  const slow = driver(
    (run) => {
      for (let i = 0; i < most; i++) {
        run.log(`${i} ${"x".repeat(100)}`);
      }
    },
    { logBufferBytes: 65_536 },
  );
  const { lines } = await runDriver(slow, {});
  assert.deepEqual(lines.map((line) => Number(line.split(" ")[0])), Array.from({ length: most }, (_, i) => i));
});

test("a line after the end goes on where the run had a log, and is told of otherwise", async () => {
  const told = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (message) => told.push(message) };
  let late;
  await outcome((run) => void (late = run), {}, { logger });
  await late.log("too late");
  assert.match(told.join(), /^a line came after the end of run .* of greeter: too late$/);
});

test("what is written or started after the end of the manager is told of", async () => {
  const told = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (message) => told.push(message) };
  let late;
  await outcome((run) => run.log("in time").then(() => void (late = run)), {}, { logger });
  await late.log("too late");
  assert.match(told.join(), /^a line came after the end of run .*: too late$/);
  await assert.rejects(late.exec("true"), { code: "Closed" });
});

test("a line that comes too late through a captured console is told of once", async () => {
  const { warn } = console;
  const told = [];
  console.warn = (message) => told.push(message);
  const undo = captureConsole();
  try {
    let later;
    const said = new Promise((resolve) => (later = resolve));
    await outcome(() => void setTimeout(() => later(console.log("too late")), 50), {}, { logger: console });
    await said;
    assert.match(told.join(), /^a line came after the end of run .* of greeter: too late$/);
  } finally {
    undo();
    console.warn = warn;
  }
});

test("a line may be anything, as the console has it", async () => {
  const { lines } = await outcome((run) => {
    for (const message of [{ a: 1 }, Symbol("s"), Object.create(null), undefined]) {
      run.log(message);
    }
  });
  assert.deepEqual(lines, ["{ a: 1 }", "Symbol(s)", "[Object: null prototype] {}", "undefined"]);
});

test("large input that is not text reaches a command", async () => {
  const size = 8 * 2 ** 20;
  const { lines } = await outcome((run) => run.exec("wc", ["-c"], { stdin: new Uint8Array(size).fill(255) }).then(() => {}));
  assert.deepEqual(lines, [String(size)]);
});

test("a thenable that comes to another is awaited to its end", async () => {
  const inner = { then: (resolve) => resolve(DriverResult.success("inner")) };
  assert.equal((await outcome(() => ({ then: (resolve) => resolve(inner) }))).result.message, "inner");
});

test("results, failures and errors are told apart", async () => {
  const failed = await outcome(() => DriverResult.failure("no such branch", { branch: "x" }));
  assert.deepEqual(failed.result, new DriverResult(false, "no such branch", { branch: "x" }));
  const plain = await outcome(async () => ({ success: true, message: "done", data: [1] }));
  assert.deepEqual(plain.result, new DriverResult(true, "done", [1]));
  assert.deepEqual((await outcome(() => null)).result, new DriverResult(true));

  const thrown = await outcome(() => {
    throw new RangeError("too far", { cause: new Error("the map is old") });
  });
  assert.equal(thrown.result.success, false);
  assert.equal(thrown.result.message, "too far");
  const { type, message, traceback } = thrown.result.data.error;
  assert.deepEqual([type, message], ["RangeError", "too far"]);
  assert.match(traceback, /RangeError: too far\n.*runs\.test\.mjs:\d+/);
  assert.match(traceback, /\[cause\]: Error: the map is old/);
  assert.doesNotMatch(traceback, /session\.js/);

  const rejected = await outcome(() => Promise.reject("just text"));
  assert.deepEqual(rejected.result.data.error, { type: "string", message: "just text", traceback: null });

  const meant = await outcome(async () => {
    throw new Failed("two tests failed", { data: { failed: 2 } });
  });
  assert.equal(meant.result.message, "two tests failed");
  assert.equal(meant.result.data.failed, 2);
  assert.deepEqual(meant.result.data.error, { type: "Failed", message: "two tests failed", traceback: null });
});

test("an error that cannot be read is told of all the same", async () => {
  class Hostile extends Error {
    get message() {
      throw new Error("no");
    }
    get stack() {
      throw new Error("no");
    }
  }
  const { result } = await outcome(() => {
    throw new Hostile();
  });
  assert.equal(result.success, false);
  assert.match(result.message, /cannot be read/);
});

test("a retry comes again, and again without a delay of its own", async () => {
  const attempts = [];
  const { result } = await runDriver(
    driver(
      (run) => {
        attempts.push(run.attempt);
        if (run.attempt < 3) {
          throw run.attempt === 1 ? new Retry({ message: "not yet", afterMs: 5 }) : new Retry("still not");
        }
      },
      { retryInitialMs: 5 },
    ),
    {},
  );
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.equal(result.success, true);
});

test("a thenable is awaited", async () => {
  const { result } = await outcome(() => ({ then: (resolve) => setTimeout(resolve, 5, DriverResult.success("later")) }));
  assert.equal(result.message, "later");
});

test("the current run is known wherever its code is", async (t) => {
  assert.equal(currentRun(), undefined);
  const stream = new EmbeddedStream();
  const drivers = driver(
    async (run) => {
      assert.equal(currentRun(), run);
      await sleep(5);
      assert.equal(currentRun(), run);
      await Promise.all([1, 2].map(async () => assert.equal((await sleep(1), currentRun()), run)));
    },
    { concurrency: 8 },
  );
  const manager = await new DriverManager({ drivers, stream }).start();
  t.after(() => manager.stop());
  const runs = Array.from({ length: 8 }, (_, i) => stream.post({ resource: "greeting", name: `n${i}` }));
  for (const run of runs) {
    assert.equal((await stream.result(run)).message, "");
  }
  assert.equal(currentRun(), undefined);
});

test("the console of a run goes to its log while it is captured", async () => {
  const undo = captureConsole();
  try {
    const { log } = await outcome(async () => {
      console.log("%d lines", 2, { a: 1 });
      await sleep(1);
      console.warn("careful");
      console.error("broken");
      console.debug("fine");
    });
    assert.deepEqual(text(log), [
      ["2 lines { a: 1 }", { stream: "stdout", level: "info" }],
      ["careful", { stream: "stderr", level: "warning" }],
      ["broken", { stream: "stderr", level: "error" }],
      ["fine", { stream: "stdout", level: "debug" }],
    ]);
  } finally {
    undo();
  }
  const { lines } = await outcome(() => console.debug("not captured any more"));
  assert.deepEqual(lines, []);
});

test("a cancelled run's signal aborts and says why", async () => {
  const stream = new EmbeddedStream();
  let cancelled;
  const drivers = driver(async (run) => {
    assert.equal(run.cancelled, false);
    assert.equal(run.cancelReason, null);
    run.throwIfCancelled();
    manager.cancel(run.id, "obsolete");
    await assert.rejects(sleep(60_000, undefined, { signal: run.signal }), { name: "AbortError" });
    cancelled = run;
    run.throwIfCancelled();
  });
  const manager = new DriverManager({ drivers, stream });
  await manager.start();
  const result = await stream.result(stream.post({ resource: "greeting" }));
  await manager.stop();
  assert.equal(result.success, false);
  assert.match(result.message, /obsolete/);
  assert.deepEqual(cancelled.cancelReason, { kind: "requested", reason: "obsolete" });
  assert(cancelled.signal.reason instanceof ConveyorError);
  assert.equal(cancelled.signal.reason.code, "Cancelled");
  assert.equal(manager.cancel("no-such-run"), 0);
});

test("a signal that is asked for late has aborted", async () => {
  const late = driver(
    async (run) => {
      while (!run.cancelled) {
        await sleep(2);
      }
      assert.equal(run.signal.aborted, true);
      assert.equal(run.cancelReason.kind, "timed_out");
      return DriverResult.success("in time");
    },
    { runTimeoutMs: 30 },
  );
  assert.equal((await runDriver(late, {})).result.message, "in time");
});

test("a run with a time limit knows its deadline", async () => {
  const limited = driver(
    (run) => {
      const left = run.deadline.getTime() - Date.now();
      assert(left > 50_000 && left <= 60_000, String(left));
    },
    { runTimeoutMs: 60_000 },
  );
  assert.equal((await runDriver(limited, {})).result.message, "");
});

test("a command's output goes to the log, and its end is data", async () => {
  const { lines, log } = await outcome(async (run) => {
    const ended = await run.exec("sh", ["-c", 'echo "$WHO $1"; cat; echo oops >&2; exit 3', "sh", "a b"], {
      env: { WHO: "me" },
      stdin: "input\n",
    });
    assert.equal(ended.success, false);
    assert.deepEqual({ ...ended, durationMs: 0 }, { code: 3, signal: null, durationMs: 0, cancelled: false, success: false });
    assert.match(String(ended), /^exited with 3 after /);
    const bytes = await run.exec("od", ["-An", "-tx1"], { stdin: new Uint8Array([0xff, 0]) });
    assert.equal(bytes.success, true);
    await run.exec("pwd", [], { cwd: new URL("file:///") });
    await run.exec("env", [], { clearEnv: true, env: { ONLY: "1", PATH: null } });
  });
  assert.deepEqual([...lines].sort(), [" ff 00", "/", "ONLY=1", "input", "me a b", "oops"]);
  assert.equal(log.find(({ message }) => message === "oops").labels.stream, "stderr");
});

test("a command ends when its signal aborts", async () => {
  await outcome(async (run) => {
    const controller = new AbortController();
    const running = run.exec("sleep", ["60"], { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    const ended = await running;
    assert.equal(ended.cancelled, true);
    assert.equal(ended.signal, 15);
  }).then(({ result }) => assert.equal(result.message, ""));
});

test("a command after the end is refused", async () => {
  let late;
  await outcome((run) => void (late = run));
  await assert.rejects(late.exec("true"), { code: "Closed" });
});

test("commands leave nothing behind", async () => {
  const mark = `conveyor-${process.pid}`;
  const stream = new EmbeddedStream();
  const drivers = driver((run) => run.exec("sh", ["-c", `sleep 60 & : ${mark}; wait`]).then(() => {}));
  const manager = await new DriverManager({ drivers, stream, shutdownGraceMs: 60_000 }).start();
  stream.post({ resource: "greeting" });
  const there = () => spawnSync("pgrep", ["-f", `sleep 60 & : ${mark}`]).status === 0;
  await until(there, "the command does not start");
  await manager.endNow();
  await until(() => !there(), "the command lives on");
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { Driver, DriverManager, DriverResult } from "conveyor-driver";

import { NatsWorld, until } from "./nats_world.mjs";
import { killGroup } from "./process_group.mjs";
import { THROWN } from "./thrown.mjs";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const PRELUDE = `
  import { ConveyorError, Driver, DriverManager, DriverResult } from "conveyor-driver";
  import { setTimeout as sleep } from "node:timers/promises";
  const connection = { url: process.env.NATS_URL };
  const say = (text) => void process.stdout.write(text + "\\n");
  const manage = (name, reconcile, { manager, ...options } = {}) =>
    new DriverManager({ drivers: new Driver({ name, resources: [name], ...options }, reconcile), connection, ...manager });
`;

let world;
before(async () => (world = await NatsWorld.start()));
after(() => world.end());

/** A program at work, with what it said so far. */
function program(source) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PRELUDE + source], {
    cwd,
    env: { ...process.env, NATS_URL: world.url },
  });
  const running = { child, said: "", complained: "" };
  child.stdout.on("data", (text) => (running.said += text));
  child.stderr.on("data", (text) => (running.complained += text));
  running.ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  running.says = (text) =>
    until(() => running.said.includes(text), `the program does not say ${text}: ${running.said}${running.complained}`);
  return running;
}

/** A driver of this process that answers what is left. */
async function helper(name, work) {
  const driver = new Driver({ name, resources: [name] }, (run) => DriverResult.success(`attempt ${run.attempt}`));
  const manager = await new DriverManager({ drivers: driver, connection: { url: world.url } }).start();
  try {
    return await work();
  } finally {
    await manager.stop();
  }
}

test("SIGTERM drains and the process exits by itself", async () => {
  const running = program(`say(String(await manage("term", () => say("begun") || sleep(200)).run()));`);
  await world.driver("term");
  await world.post(["term-1"], { resource: "term" });
  await running.says("begun");
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0, running.complained);
  assert.match(running.said, /term: 1 succeeded/);
});

test("a second signal ends every run now", async () => {
  const running = program(`say(String(await manage("twice", () => say("begun") || new Promise(() => {})).run()));`);
  await world.driver("twice");
  await world.post(["twice-1"], { resource: "twice" });
  await running.says("begun");
  // Two of a kind may become one.
  running.child.kill("SIGINT");
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0, running.complained);
  assert.match(running.said, /twice: .* 1 given back/);
});

test("who wants its signals for itself has them", async () => {
  const running = program(`await manage("own", () => {}, { manager: { signals: false } }).run();`);
  await world.driver("own");
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, "SIGTERM");
});

test("a manager that cannot start leaves nothing that keeps the process", async () => {
  const running = program(`
    connection.url = "nats://127.0.0.1:1";
    connection.connectTimeoutMs = 100;
    await manage("nowhere", () => {}, { manager: { logger: null } }).run().catch((error) => say(error.code));
  `);
  assert.equal(await running.ended, 0);
  assert.match(running.said, /Unavailable/);
});

test("what is thrown where nobody catches it fails its run and the process lives on", async () => {
  const running = program(`
    say(String(await manage("stray", (run) => {
      if (run.resource.name === "stray-1") setTimeout(() => { throw new TypeError("unseen"); }, 5);
      else if (run.resource.name === "stray-2") setTimeout(() => void Promise.reject(new TypeError("unseen")), 5);
      else return sleep(50);
      return new Promise(() => {});
    }, { concurrency: 3 }).run()));
  `);
  await world.driver("stray");
  await world.post(["stray-1", "stray-2", "stray-3"], { resource: "stray" });
  const results = await world.answered(["stray-1", "stray-2", "stray-3"]);
  for (const run of ["stray-1", "stray-2"]) {
    assert.equal(results[run][0].message, "unseen");
    assert.equal(results[run][0].data.error.type, "TypeError");
  }
  assert.equal(results["stray-3"][0].success, true);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0, running.complained);
  assert.match(running.said, /stray: 1 succeeded, 2 failed/);
});

test("whatever is thrown where nobody catches it fails its run and the process lives on", async () => {
  const running = program(`
    import { THROWN } from "./tests/thrown.mjs";
    say(String(await manage("strays", (run) => {
      setTimeout(() => { throw THROWN[run.resource.name]; }, 1);
      return new Promise(() => {});
    }, { concurrency: 100, maxAttempts: 1 }).run()));
  `);
  await world.driver("strays");
  const names = Object.keys(THROWN);
  await world.post(names, { resource: "strays" });
  const results = await world.answered(names);
  assert.deepEqual(names.filter((name) => results[name][0].success), []);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0, running.complained);
  assert.match(running.said, new RegExp(`strays: 0 succeeded, ${names.length} failed`));
});

test("what a listener of a run's signal throws is the run's, and the process lives on", async () => {
  const running = program(`
    const manager = manage("listen", (run) => {
      run.signal.addEventListener("abort", () => { throw new TypeError("in a listener"); });
      say("begun " + run.id);
      return new Promise(() => {});
    });
    process.stdin.once("data", () => manager.cancel("listen-1"));
    say(String(await manager.run()));
    process.stdin.destroy();
  `);
  await world.driver("listen");
  await world.post(["listen-1"], { resource: "listen" });
  await running.says("begun");
  running.child.stdin.write("now\n");
  await world.answered(["listen-1"]);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0, running.complained);
  assert.match(running.said, /listen: /);
});

test("warnings that nobody reads any more do no harm", async () => {
  const running = program(`
    process.stdin.once("data", async () => {
      for (let i = 0; i < 3; i++) {
        await manage("unread", () => {}, { manager: { connection: { url: "nats://127.0.0.1:1", connectTimeoutMs: 20 } } })
          .run()
          .catch((error) => say(error.code));
        await sleep(20);
      }
      say("through");
      process.exit(0);
    });
  `);
  running.child.stderr.destroy();
  running.child.stdin.write("now\n");
  assert.equal(await running.ended, 0);
  assert.match(running.said, /Unavailable\nUnavailable\nUnavailable\nthrough/);
});

test("what is thrown outside of any run ends the process as ever, and the events come back", async () => {
  const running = program(`
    const manager = manage("foreign", () => say("begun") || new Promise(() => {}), { ackWaitMs: 600_000 });
    process.stdin.once("data", () => { throw new Error("not ours"); });
    await manager.run();
  `);
  await world.driver("foreign");
  await world.post(["foreign-1"], { resource: "foreign" });
  await running.says("begun");
  running.child.stdin.write("now\n");
  assert.equal(await running.ended, 1);
  assert.match(running.complained, /Error: not ours\n\s+at .*eval/);
  const results = await helper("foreign", () => world.answered(["foreign-1"]));
  assert.equal(results["foreign-1"].length, 1);
});

test("the event of a handler that exits the process comes back at once", async () => {
  const running = program(`
    await manage("exit", async (run) => { await run.log("bye"); process.exit(7); }, { ackWaitMs: 600_000 }).run();
  `);
  await world.driver("exit");
  await world.post(["exit-1"], { resource: "exit" });
  assert.equal(await running.ended, 7, running.complained);
  await helper("exit", () => world.answered(["exit-1"]));
  assert.equal((await world.lines())["exit-1"][0], "bye");
});

test("a command is not left behind by a process that exits", async (t) => {
  const running = program(`
    process.stdin.once("data", () => process.exit(0));
    await manage("orphan", (run) => run.exec("sh", ["-c", "echo $$; sleep 600"]).then(() => {})).run();
  `);
  const pids = async () => (await world.lines())["orphan-1"]?.map(Number).filter(Boolean) ?? [];
  t.after(async () => (await pids()).forEach(killGroup));
  await world.driver("orphan");
  await world.post(["orphan-1"], { resource: "orphan" });
  const [pid] = await until(async () => (await pids()).length > 0 && pids(), "the command does not start");
  running.child.stdin.write("now\n");
  assert.equal(await running.ended, 0);
  await until(() => {
    try {
      return process.kill(pid, 0) && false;
    } catch {
      return true;
    }
  }, "the command lives on");
});

test("a handler that blocks the event loop for longer than the ack wait keeps its lease", async () => {
  const running = program(`
    const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    say(String(await manage("block", (run) => { say("attempt " + run.attempt); block(5_000); }, { ackWaitMs: 1_000 }).run()));
  `);
  await world.driver("block");
  await world.post(["block-1"], { resource: "block" });
  await world.answered(["block-1"]);
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0, running.complained);
  assert.equal(running.said.match(/attempt/g).length, 1);
  assert.match(running.said, /block: 1 succeeded/);
});

test("a hundred worker threads that are terminated in the middle of runs give them back", async () => {
  const runs = Array.from({ length: 100 }, (_, i) => `thread-${i}`);
  const work = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Driver, DriverManager } = require("conveyor-driver");
    const options = { name: "thread", resources: ["thread"], ackWaitMs: 600_000, concurrency: 4, maxAttempts: 1000 };
    const begun = () => (parentPort.postMessage("begun"), new Promise(() => {}));
    void new DriverManager({ drivers: new Driver(options, begun), connection: { url: workerData }, logger: null }).run();
  `;
  for (let i = 0; i < 100; i++) {
    const worker = new Worker(work, { eval: true, workerData: world.url });
    const begun = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    if (i === 0) {
      await world.driver("thread");
      await world.post(runs, { resource: "thread" });
    }
    await begun;
    await worker.terminate();
  }
  const driver = new Driver({ name: "thread", resources: ["thread"], concurrency: 20, maxAttempts: 1000 }, () => {});
  const manager = await new DriverManager({ drivers: driver, connection: { url: world.url }, logger: null }).start();
  const results = await world.answered(runs);
  await manager.stop();
  assert.equal(Object.keys(results).filter((run) => run.startsWith("thread-")).length, 100);
});

// SIGINT and SIGTERM in whatever state the process is.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { NatsWorld, until } from "./nats_world.mjs";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const PRELUDE = `
  import { Driver, DriverManager } from "conveyor-driver";
  import { EmbeddedStream } from "conveyor-driver/testing";
  import { once } from "node:events";
  const say = (text) => void process.stdout.write(text + "\\n");
  const connection = { url: process.env.NATS_URL };
  const manage = (reconcile, options, managerOptions) =>
    new DriverManager({ drivers: new Driver({ name: "held", resources: ["held"], ...options }, reconcile), logger: null, ...managerOptions });
`;

function program(t, source, url = "nats://127.0.0.1:1") {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PRELUDE + source], {
    cwd,
    env: { ...process.env, NATS_URL: url },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const running = { child, said: "" };
  child.stdout.on("data", (text) => (running.said += text));
  running.ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  running.says = (text) => until(() => running.said.includes(text), `the program does not say ${text}: ${running.said}`);
  return running;
}

test("a signal ends a manager that cannot connect", async (t) => {
  const running = program(t, `
    const running = manage(() => {}, {}, { connection }).run();
    say("begun");
    await running;
    say("ended");
  `);
  await running.says("begun");
  running.child.kill("SIGINT");
  assert.equal(await running.ended, 0);
  assert.match(running.said, /ended/);
});

for (const [how, write] of [
  ["that never yields", `while (!run.cancelled) run.log("x".repeat(1000));`],
  ["that does not await its lines", `while (!run.cancelled) { run.log("x".repeat(1000)); await null; }`],
]) {
  test(`signals are heard while a full log holds up the loop of a handler ${how}`, async (t) => {
    const world = await NatsWorld.start();
    t.after(async () => {
      world.server.kill("SIGCONT");
      await world.end();
    });
    const running = program(
      t,
      `
        // Those that come after the end.
        process.on("SIGINT", () => {});
        const grace = { cancelGraceMs: 600_000, logBufferBytes: 65_536 };
        const driver = manage(async (run) => {
          say("begun");
          await once(process.stdin, "data");
          ${write}
        }, grace, { connection, shutdownGraceMs: 600_000 });
        say(String(await driver.run()));
        process.exit();
      `,
      world.url,
    );
    await world.driver("held");
    await world.post(["held-1"], { resource: "held" });
    await running.says("begun");
    world.server.kill("SIGSTOP");
    running.child.stdin.write("now\n");
    // The first drains, any other one ends it now.
    await until(() => running.child.exitCode !== null || !running.child.kill("SIGINT"), "signals are not heard");
    assert.equal(await running.ended, 0);
    assert.match(running.said, /held: 0 succeeded, .*1 given back/);
  });
}

test("signals are the program's own again when a manager has ended, and its handlers are left alone", async (t) => {
  const running = program(t, `
    let heard = 0;
    const before = () => heard++;
    process.on("SIGINT", before);
    const stream = new EmbeddedStream();
    const manager = manage((run) => say("begun"), {}, { stream });
    const running = manager.run();
    const meanwhile = () => heard++;
    process.on("SIGTERM", meanwhile);
    await once(process.stdin, "data");
    process.kill(process.pid, "SIGINT");
    await running;
    say("heard " + heard + " " + [process.listeners("SIGINT").includes(before), process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]);
    process.off("SIGTERM", meanwhile);
    await once(process.stdin, "data");
  `);
  running.child.stdin.write("now\n");
  await running.says("heard 1 true,1,1");
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, "SIGTERM");
});

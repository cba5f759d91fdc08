// The quick starts, copied into a folder that has nothing but the package.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { NatsWorld } from "./nats_world.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

for (const readme of ["README.md", "bindings-node/README.md"]) {
  test(`the quick start of ${readme} works`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "conveyor-readme-"));
    t.after(() => rmSync(folder, { recursive: true }));
    mkdirSync(path.join(folder, "node_modules"));
    symlinkSync(path.join(root, "bindings-node"), path.join(folder, "node_modules/conveyor-driver"));
    const page = readFileSync(path.join(root, readme), "utf8");
    const named = [...page.matchAll(/`([\w.]+\.mjs)`[^`]*(?:`[^`]+`[^`]*)?```js\n(.*?)```/gs)];
    assert.deepEqual(named.map(([, name]) => name), ["greeter.mjs", "greeter.test.mjs"]);
    for (const [, name, text] of named) {
      writeFileSync(path.join(folder, name), text);
    }

    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    const tests = spawnSync(process.execPath, ["--test", "--test-reporter", "tap"], { cwd: folder, encoding: "utf8", env });
    assert.equal(tests.status, 0, tests.stdout);
    assert.match(tests.stdout, /# pass 1\n# fail 0/);

    const world = await NatsWorld.start();
    t.after(() => world.end());
    const driver = spawn(process.execPath, ["greeter.mjs"], { cwd: folder, env: { ...env, CONVEYOR_NATS_URL: world.url } });
    let said = "";
    driver.stdout.on("data", (text) => (said += text));
    const ended = new Promise((resolve) => driver.once("close", resolve));
    await world.driver("greeter");
    await world.post(["run-1"]);
    const results = await world.answered(["run-1"]);
    driver.kill("SIGINT");
    assert.equal(await ended, 0);
    assert.equal(said, "greeter: 1 succeeded, 0 failed\n");
    assert.equal(results["run-1"][0].message, "hello, run-1");
    assert.deepEqual(await world.lines(), { "run-1": ["greeting run-1"] });
  });
}

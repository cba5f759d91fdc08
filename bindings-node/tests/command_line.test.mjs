// The command `conveyor-driver`, as the package has it.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { killGroup } from "./process_group.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const command = path.join(root, bin["conveyor-driver"]);
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-command-"));
const resource = path.join(folder, "resource.json");
writeFileSync(resource, JSON.stringify({ name: "world", resource: "greeting" }));
after(() => rmSync(folder, { recursive: true }));

test("the command does what the native one does", () => {
  const script = "echo hello; exit 3";
  const run = (...args) => spawnSync(process.execPath, [command, ...args], { encoding: "utf8" });
  const ended = run("test", "-f", resource, "--", "sh", "-c", script);
  assert.deepEqual([ended.status, ended.stdout], [1, "hello\n"], ended.stderr);
  assert.equal(run("nothing").status, 2);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`${signal} lets the command end what it started`, async (t) => {
    const script = "echo $$; exec sleep 600";
    const child = spawn(process.execPath, [command, "test", "-f", resource, "--", "sh", "-c", script]);
    t.after(() => child.kill("SIGKILL"));
    const [leader] = await once(child.stdout, "data");
    assert.match(String(leader), /^\d+\n$/);
    t.after(() => killGroup(Number(leader)));
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [130, null]);
  });
}

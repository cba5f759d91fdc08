// The examples, on the embedded stream and on real repositories. `scripts/node.sh` has type-checked the one in
// TypeScript: without that, what it was compiled to would not be there.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { runDriver } from "conveyor-driver/testing";

const EXAMPLES = fileURLToPath(new URL("../../examples/node/", import.meta.url));
const { driver: gitBuild, readSpec, shownRepository } = await import(`${EXAMPLES}/git_build.mjs`);
const { driver: buildBadge } = await import(`${EXAMPLES}/build/build_badge.mjs`);

/** A repository of two commits, the first with the tag `old`; `version` holds 1, then 2. */
const repository = mkdtempSync(path.join(tmpdir(), "conveyor-example-"));
const git = (...args) =>
  execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], { cwd: repository, encoding: "utf8" }).trim();

before(() => {
  git("init", "--quiet");
  for (const version of ["1", "2"]) {
    writeFileSync(path.join(repository, "version"), version);
    git("add", "version");
    git("commit", "--quiet", "--message", version);
    if (version === "1") {
      git("tag", "old");
    }
  }
});
after(() => rmSync(repository, { recursive: true }));

const build = (spec) => runDriver(gitBuild, { name: "app", resource: "build", spec });

async function refusal(spec) {
  const { attempts, result } = await build(spec);
  assert.deepEqual([attempts, result.success], [1, false]);
  return result;
}

test("the greeter greets", () => {
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(EXAMPLES, "greeter.mjs")], { encoding: "utf8" });
  assert.equal(stdout, "greeter: greeting Ada\nresult: hello, Ada\ndrained: greeter: 1 succeeded, 0 failed\n", stderr);
});

test("a command that succeeds is a good result", async () => {
  const command = ["sh", "-c", 'cat version; echo " $COLOUR"; echo oops >&2'];
  const { result, lines } = await build({ repository, command, env: { COLOUR: "green" } });
  assert.equal(result.success, true, result.message);
  const { exit_status, signal, commit } = result.data;
  assert.deepEqual([exit_status, signal, commit], [0, null, git("rev-parse", "HEAD")]);
  assert(lines.includes("2 green") && lines.includes("oops"), lines.join());
});

test("the revision is what is built", async () => {
  const { result, lines } = await build({ repository: `file://${repository}`, revision: "old", command: ["cat", "version"] });
  assert(lines.includes("1"), lines.join());
  assert.equal(result.data.commit, git("rev-parse", "old"));
});

test("a command that fails is a failed result", async () => {
  assert.equal((await refusal({ repository, command: ["sh", "-c", "exit 3"] })).data.exit_status, 3);
  assert.equal((await refusal({ repository, command: ["sh", "-c", "kill -9 $$"] })).data.signal, 9);
  assert.match((await refusal({ repository, command: ["./no-such-program"] })).message, /no-such-program/);
  assert.match((await refusal({ repository, revision: "new", command: ["true"] })).message, /spec\.revision/);
});

test("a bad spec names its field", async () => {
  for (const [spec, field] of [
    [null, "spec"],
    [{ command: ["true"] }, "spec.repository"],
    [{ repository: "." }, "spec.command"],
    [{ repository: ".", command: "true" }, "spec.command"],
    [{ repository: ".", command: [] }, "spec.command"],
    [{ repository: ".", command: [1] }, "spec.command[0]"],
    [{ repository: ".", command: ["true"], env: { A: 1 } }, "spec.env.A"],
    [{ repository: ".", command: ["true"], branch: "x" }, "spec.branch"],
    [{ repository: "", command: ["true"] }, "spec.repository"],
    [{ repository: "--upload-pack=x", command: ["true"] }, "spec.repository"],
    [{ repository: ".", revision: "-f", command: ["true"] }, "spec.revision"],
    [{ repository: "/no/such/folder", command: ["true"] }, "spec.repository"],
  ]) {
    const { message } = await refusal(spec);
    assert(message.includes(field), `${field}: ${message}`);
  }
});

test("what may be a password is not logged", () => {
  const spec = readSpec({ repository: "http://me:hunter2@host:80/app.git", command: ["true"] });
  assert.equal(shownRepository(spec), "http://host:80/app.git");
});

test("the badge is about the build before it", async () => {
  const answer = '{"success": true, "message": "ok", "data": {"commit": "0123456789", "duration_ms": 1234}}';
  const app = { name: "app", resource: "build", metadata: { "driverresults.git-build": answer } };
  const { result } = await runDriver(buildBadge, app);
  assert.equal(result.message, "app: 0123456 in 1.2 s");
  assert.equal(result.data.color, "brightgreen");
  assert.equal((await runDriver(buildBadge, { ...app, metadata: {} })).result.success, false);
});

// Builds what is in a Git repository: clone it, run one command in it, answer how that ended.
//
// It takes resources of type `build`:
//
//   {
//     "name": "app",
//     "resource": "build",
//     "spec": {
//       "repository": "https://git.example/app.git",
//       "revision": "v1.2",
//       "command": ["make", "test"],
//       "env": {"CI": "true"}
//     }
//   }
//
// `repository` is a path or whatever else `git clone` takes. `revision` (a branch, a tag or a commit; by
// default what the repository has checked out) and `env` need not be given. No shell is involved. Who may
// post a resource may run any command as the user of this process: run it where that is all right, such as in
// a container.
//
// node examples/node/git_build.mjs    # runs until SIGINT or SIGTERM, then lets builds finish

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ConveyorError, Driver, DriverResult, Failed, Retry } from "conveyor-driver";

// Inherited from a Git hook, these would lead `git` to the repository of the hook.
const LOCAL_TO_A_REPOSITORY = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];
const GIT = { ...Object.fromEntries(LOCAL_TO_A_REPOSITORY.map((name) => [name, null])), GIT_TERMINAL_PROMPT: "0" };

// The result's data is `exit_status`, `signal`, `duration_ms` and `commit`: how the command ended and what it
// was run on.
export const driver = new Driver({ name: "git-build", resources: ["build"] }, async (run) => {
  const spec = readSpec(run.resource.spec);
  const folder = await mkdtemp(path.join(tmpdir(), "git-build-"));
  try {
    const source = path.join(folder, "source");
    const commit = await clone(run, spec, source);
    const [program, ...args] = spec.command;
    const shown = spec.command.join(" ");
    await run.log(`running ${shown}`);
    const output = await run.exec(program, args, { env: spec.env, cwd: source });
    return new DriverResult(output.success, `${shown}: ${output}`, {
      exit_status: output.code,
      signal: output.signal,
      duration_ms: output.durationMs,
      commit,
    });
  } finally {
    // However the run ends.
    await rm(folder, { recursive: true, force: true });
  }
});

/** Clones the repository, checks the revision out, and says which commit that is. */
async function clone(run, spec, source) {
  await run.log(`cloning ${shownRepository(spec)}`);
  const cloned = await run.exec("git", ["clone", "--quiet", "--", spec.repository, source], { env: GIT });
  if (!cloned.success) {
    if (isLocal(spec)) {
      throw refused("repository", `git clone ${cloned}`);
    }
    // The network, or the host at its other end.
    throw new Retry(`git clone ${cloned}`);
  }
  if (spec.revision !== undefined) {
    const checkedOut = await run.exec("git", ["-C", source, "checkout", "--quiet", spec.revision, "--"], { env: GIT });
    if (!checkedOut.success) {
      throw refused("revision", `git checkout ${checkedOut}`);
    }
  }
  const commit = await head(source);
  await run.log(`at commit ${commit}`);
  return commit;
}

/** What is checked out. Not run as part of the log: its output is the answer. */
async function head(source) {
  const env = { ...process.env };
  LOCAL_TO_A_REPOSITORY.forEach((name) => delete env[name]);
  try {
    const { stdout } = await promisify(execFile)("git", ["-C", source, "rev-parse", "--verify", "HEAD"], { env });
    return stdout.trim();
  } catch (cause) {
    throw refused("repository", "has no commit checked out", cause);
  }
}

/** What is to be built. Refuses, naming the field, what can never be. */
export function readSpec(document) {
  if (document === null || typeof document !== "object" || Array.isArray(document)) {
    throw new Failed("spec: is not an object");
  }
  const { repository, revision, command, env = {}, ...unknown } = document;
  for (const [name, value] of Object.entries({ repository, command })) {
    if (value === undefined) {
      throw refused(name, "is missing");
    }
  }
  for (const name in unknown) {
    throw refused(name, "is unknown");
  }
  if (!Array.isArray(command)) {
    throw refused("command", "is no list");
  }
  if (env === null || typeof env !== "object" || Array.isArray(env)) {
    throw refused("env", "is no object");
  }
  reference("repository", repository);
  if (revision !== undefined) {
    reference("revision", revision);
  }
  command.forEach((argument, i) => text(`command[${i}]`, argument));
  Object.entries(env).forEach(([name, value]) => text(`env.${name}`, value));
  if (!command[0]) {
    throw refused("command", "names no program");
  }
  return { repository, revision, command, env };
}

/** Whether the repository is on this machine. As Git tells: a colon before the first slash ends a host or a protocol. */
function isLocal({ repository }) {
  return repository.startsWith("file://") || !repository.split("/")[0].includes(":");
}

/** The repository without what may be a password. */
export function shownRepository({ repository }) {
  return repository.replace(/^([^:/]+:\/\/)[^/]*@/, "$1");
}

function text(name, value) {
  if (typeof value !== "string") {
    throw refused(name, "is no text");
  }
}

/** Text that Git takes for neither nothing nor an option. */
function reference(name, value) {
  text(name, value);
  if (value === "") {
    throw refused(name, "is empty");
  }
  if (value.startsWith("-")) {
    throw refused(name, "starts with '-'");
  }
}

function refused(name, reason, cause) {
  return new Failed(`spec.${name}: ${reason}`, cause && { cause });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.error(String(await driver.run()));
  } catch (error) {
    if (!(error instanceof ConveyorError)) {
      throw error;
    }
    console.error(`git_build: ${error.message}`);
    process.exitCode = 1;
  }
}

// Builds both halves into dist: the native one with cargo, the face with tsc. --debug builds quickly.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

import { library, nativeFile, platformName, root } from "./platform.mjs";

const release = !process.argv.includes("--debug");
const dist = path.join(root, "dist");
const run = (program, args) => execFileSync(program, args, { cwd: root, stdio: "inherit" });

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc")]);
run("cargo", ["build", "--quiet", "--package", "conveyor-driver-node", ...(release ? ["--release"] : [])]);
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "../target");
// A process that has the old file loaded keeps it.
const built = path.join(dist, nativeFile(platformName()));
copyFileSync(path.join(target, release ? "release" : "debug", library()), `${built}.new`);
renameSync(`${built}.new`, built);

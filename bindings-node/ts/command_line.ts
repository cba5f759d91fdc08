#!/usr/bin/env node
// The command `conveyor-driver`: the same program as the native one, in the process of Node.

import { native } from "./native.js";

// Without a listener Node's own handlers would end the process before the command has drained.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {});
}
process.exit(native.commandLine(["conveyor-driver", ...process.argv.slice(2)]));

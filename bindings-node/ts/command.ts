import { fileURLToPath } from "node:url";

import { checkTexts, jsonText } from "./json.js";
import { checkNames } from "./names.js";
import { kindOf, text } from "./thrown.js";

/** How a command is run. */
export interface ExecOptions {
  /** Variables to set, and to remove those that are `null`. */
  env?: Readonly<Record<string, string | null>>;
  /** Start with none of the variables of this process. */
  clearEnv?: boolean;
  /** The working directory. */
  cwd?: string | URL;
  /** What the command reads from its standard input; nothing by default. */
  stdin?: string | Uint8Array;
  /** Milliseconds from SIGTERM to SIGKILL; `cancelGraceMs` by default. */
  graceMs?: number;
  /** Ends the command early. */
  signal?: AbortSignal;
}

const NAMES = ["env", "clearEnv", "cwd", "stdin", "graceMs", "signal"];

/** A command as the JSON that the core reads, but for its input. @internal */
export function command(program: string, args: readonly string[], options: ExecOptions): string {
  if (typeof program !== "string") {
    throw new TypeError(`program: ${kindOf(program)} is not text`);
  }
  if (!Array.isArray(args)) {
    throw new TypeError(`args: ${kindOf(args)} is no array`);
  }
  for (const [i, arg] of args.entries()) {
    if (typeof arg !== "string") {
      throw new TypeError(`args[${i}]: ${kindOf(arg)} is no argument; give it as text`);
    }
  }
  checkNames("options", options, NAMES);
  const { env = {}, clearEnv = false, cwd, stdin, graceMs, signal } = options;
  if (typeof env !== "object" || env === null || Array.isArray(env)) {
    throw new TypeError(`env: ${kindOf(env)} is no object with variables`);
  }
  if (stdin !== undefined && typeof stdin !== "string" && !(stdin instanceof Uint8Array)) {
    throw new TypeError(`stdin: ${kindOf(stdin)} is neither text nor a Uint8Array`);
  }
  if (typeof stdin === "string") {
    checkTexts({ stdin });
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal: ${kindOf(signal)} is no AbortSignal`);
  }
  jsonText({ clearEnv, graceMs }, "");
  return jsonText(
    {
      program,
      args,
      env,
      clear_env: clearEnv,
      working_directory: cwd === undefined ? undefined : directory(cwd),
      grace_ms: graceMs,
    },
    "",
  )!;
}

function directory(cwd: unknown): string {
  if (typeof cwd === "string") {
    return cwd;
  }
  if (!(cwd instanceof URL)) {
    throw new TypeError(`cwd: ${kindOf(cwd)} is neither text nor a URL`);
  }
  try {
    return fileURLToPath(cwd);
  } catch (error) {
    throw new TypeError(`cwd: ${text(error)}`, { cause: error });
  }
}

import { fileURLToPath } from "node:url";

import { jsonText, kindOf } from "./json.js";

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

const NAMES: readonly string[] = ["env", "clearEnv", "cwd", "stdin", "graceMs", "signal"];

/** A command as the JSON that the core reads. @internal */
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
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) {
      throw new TypeError(`${name}: there is no such option of a command; there are ${NAMES.join(", ")}`);
    }
  }
  const { env = {}, clearEnv = false, cwd, stdin, graceMs, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal: ${kindOf(signal)} is no AbortSignal`);
  }
  return jsonText(
    {
      program,
      args,
      env,
      clear_env: clearEnv,
      working_directory: cwd instanceof URL ? fileURLToPath(cwd) : cwd,
      stdin: typeof stdin === "object" ? bytes(stdin) : stdin,
      grace_ms: graceMs,
    },
    "command",
  )!;
}

/** Text when it is some, which is shorter on its way. */
function bytes(input: Uint8Array): string | number[] {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
  } catch {
    return Array.from(input);
  }
}

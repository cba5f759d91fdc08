import { inspect } from "node:util";

import { storage } from "./context.js";
import type { Level } from "./documents.js";
import { shown } from "./thrown.js";

/** Where the library's own records go: `console`, or what a logging package such as pino or winston makes. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const ignore = (): void => {};
let unwritten = 0;

/** Lives on when nobody reads standard error any more, which by itself ends a process. */
function complain(line: string): void {
  const { stderr } = process;
  if (unwritten++ === 0) {
    stderr.on("error", ignore);
  }
  const written = () => --unwritten === 0 && stderr.off("error", ignore);
  stderr.write(`${line}\n`, () => setImmediate(written));
}

/** Writes warnings and errors to standard error. */
export const STDERR: Logger = {
  debug() {},
  info() {},
  warn: (message) => complain(`conveyor-driver: warning: ${message}`),
  error: (message) => complain(`conveyor-driver: error: ${message}`),
};

/** Hands on a record of the core. */
export function record(logger: Logger | null, text: string): void {
  const { level, message, fields } = JSON.parse(text) as {
    level: Level;
    message: string;
    fields: Record<string, unknown>;
  };
  const field = ([name, value]: [string, unknown]) =>
    ` ${name}=${typeof value === "string" ? value : inspect(value)}`;
  say(logger, level, message + Object.entries(fields).map(field).join(""));
}

/** Says something, whatever the logger does. */
export function say(logger: Logger | null, level: Level, message: string): void {
  try {
    // Not as part of a run: what it says through a captured console would come back here.
    storage.exit(() => logger?.[level === "warning" ? "warn" : level](message));
  } catch (error) {
    STDERR.error(`the logger failed: ${shown(error)}; it was told: ${message}`);
  }
}

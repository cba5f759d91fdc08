import { inspect } from "node:util";

import type { Level } from "./documents.js";

/** Where the library's own records go: `console`, or what a logging package such as pino or winston makes. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Writes warnings and errors to standard error. */
export const STDERR: Logger = {
  debug() {},
  info() {},
  warn: (message) => void process.stderr.write(`conveyor-driver: warning: ${message}\n`),
  error: (message) => void process.stderr.write(`conveyor-driver: error: ${message}\n`),
};

/** Hands on a record of the core. */
export function record(logger: Logger | null, text: string): void {
  const { level, message, fields } = JSON.parse(text) as {
    level: Level;
    message: string;
    fields: Record<string, unknown>;
  };
  const shown = ([name, value]: [string, unknown]) =>
    ` ${name}=${typeof value === "string" ? value : inspect(value)}`;
  say(logger, level, message + Object.entries(fields).map(shown).join(""));
}

/** Says something, whatever the logger does. */
export function say(logger: Logger | null, level: Level, message: string): void {
  try {
    logger?.[level === "warning" ? "warn" : level](message);
  } catch (error) {
    STDERR.error(`the logger failed: ${inspect(error)}; it was told: ${message}`);
  }
}

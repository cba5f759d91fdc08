// Names of the documents are the same in every language, but for their form: run_timeout_ms is
// runTimeoutMs here.

import { kindOf } from "./thrown.js";

/** Refuses what is no object, or has other names than these. */
export function checkNames(name: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${name}: ${kindOf(options)} is no object with options`);
  }
  for (const given of Object.keys(options)) {
    if (!known.includes(given)) {
      throw new TypeError(`${given}: there is no such option; there are ${known.join(", ")}`);
    }
  }
}

/** The JSON of options, with the names that the core knows. */
export function snakeMembers(options: unknown): unknown {
  if (Array.isArray(options) || typeof options !== "object" || options === null) {
    return options;
  }
  const members = Object.entries(options).map(([name, value]) => [snake(name), snakeMembers(value)]);
  return Object.fromEntries(members);
}

/** A document of the core, with the names that JavaScript knows. */
export function camelMembers<T>(document: unknown): T {
  if (Array.isArray(document)) {
    return document.map((item) => camelMembers(item)) as T;
  }
  if (typeof document !== "object" || document === null) {
    return document as T;
  }
  const members = Object.entries(document).map(([name, value]) => [camel(name), camelMembers(value)]);
  return Object.fromEntries(members) as T;
}

/** What has another name here, as Node's own calls have it. */
const OTHERWISE: Readonly<Record<string, string>> = { working_directory: "cwd" };

/** The path of an option. What stands below `env` are the user's own names. */
export function camel(path: string): string {
  const [first, ...below] = path.split(/(?<=^env|\.env)\./);
  const own = OTHERWISE[first!] ?? first!;
  return [own.replace(/(?<=[a-z0-9])_([a-z])/g, (_, letter: string) => letter.toUpperCase()), ...below].join(".");
}

/** The names that stand in backticks in a text for people. */
export function camelQuoted(text: string): string {
  return text.replace(/`[a-z0-9_]+`/g, camel);
}

function snake(name: string): string {
  if (name.includes("_")) {
    throw new TypeError(`${name}: there is no such option; did you mean ${camel(name)}?`);
  }
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

// What was thrown, for people. It may be anything: an error whose members throw, or what no member can be
// read of. Whoever asks here gets an answer.

import { inspect } from "node:util";

/** What a value is. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (typeof value === "object") {
    const name = ownName(value);
    return name === "Object" || name === undefined ? "an object" : name === "Array" ? "an array" : name;
  }
  return typeof value === "bigint" ? "a BigInt" : `a ${typeof value}`;
}

/** Whether it is one of these. */
export function isA<T>(value: unknown, kind: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof kind;
  } catch {
    return false;
  }
}

/** The name that an error goes by. */
export function typeName(error: unknown): string {
  if (!isA(error, Error)) {
    return typeof error;
  }
  const name = attempt(() => error.name as unknown);
  return typeof name === "string" && name !== "" && name !== "Error" ? name : (ownName(error) ?? "Error");
}

/** What it says. */
export function text(error: unknown): string {
  const said = attempt(() =>
    isA(error, Error) ? String(error.message) : typeof error === "string" ? error : inspect(error),
  );
  return typeof said === "string" ? said : `<${kindOf(error)} whose text cannot be read>`;
}

/** All of it, as Node shows it. */
export function shown(error: unknown): string {
  const told = attempt(() => inspect(error));
  return typeof told === "string" ? told : text(error);
}

const LONGEST = 16 * 1024;

/** Stack and causes. */
export function traceback(error: unknown): string | undefined {
  if (!isA(error, Error)) {
    return undefined;
  }
  const all = attempt(() => inspect(error));
  if (typeof all !== "string") {
    return `<the stack of ${kindOf(error)} cannot be read>`;
  }
  const told = all.split("\n").filter((line) => !line.includes(__dirname)).join("\n");
  if (told.length <= LONGEST) {
    return told;
  }
  const half = LONGEST / 2;
  return `${told.slice(0, half)}\n… ${told.length - LONGEST} characters left out …\n${told.slice(-half)}`;
}

function ownName(value: object): string | undefined {
  const name = attempt(() => value.constructor?.name as unknown);
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** Nothing where it cannot be had. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

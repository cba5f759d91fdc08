// Values that JSON can hold, and nothing that it would drop or change without a word.

import { kindOf } from "./thrown.js";

const DEEPEST = 120;

/** Refuses what is no text. */
export function checkTexts(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== "string") {
      throw new TypeError(`${name}: ${kindOf(value)} is not text`);
    }
    check(value, name, []);
  }
}

/** The value as JSON text; nothing for `undefined`. What is not JSON is a `TypeError` that names its place. */
export function jsonText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  check(value, name, []);
  return JSON.stringify(value);
}

function check(value: unknown, path: string, above: object[]): void {
  switch (typeof value) {
    case "boolean":
      return;
    case "string":
      if (!value.isWellFormed()) {
        throw new TypeError(`${path}: holds a lone surrogate, which is not text`);
      }
      return;
    case "number":
      if (!Number.isFinite(value)) {
        throw new TypeError(`${path}: ${value} is not JSON`);
      }
      return;
    case "bigint":
      throw new TypeError(`${path}: a BigInt is not JSON; give it as text`);
    case "object":
      if (value !== null) {
        checkObject(value, path, above);
      }
      return;
    default:
      throw new TypeError(`${path}: ${kindOf(value)} is not JSON`);
  }
}

function checkObject(value: object, path: string, above: object[]): void {
  if (above.includes(value)) {
    throw new TypeError(`${path}: is part of itself, which JSON cannot hold`);
  }
  if (above.length >= DEEPEST) {
    throw new TypeError(`${shortened(path)}: is nested too deep`);
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    // Dates, URLs, Buffers: they know.
    check((value as { toJSON(key: string): unknown }).toJSON(""), path, [...above, value]);
    return;
  }
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) {
    throw new TypeError(`${path}: ${kindOf(value)} is not JSON`);
  }
  above.push(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      check(value[i], `${path}[${i}]`, above);
    }
  } else {
    for (const [key, member] of Object.entries(value)) {
      if (member !== undefined) {
        check(member, path === "" ? key : `${path}.${key}`, above);
      }
    }
  }
  above.pop();
}

function shortened(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}…` : path;
}

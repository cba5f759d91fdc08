import { inspect } from "node:util";

import { calling } from "./error.js";
import { jsonText } from "./json.js";
import type { NativeManager } from "./native.js";
import { isA, kindOf, text, traceback, typeName } from "./thrown.js";

/** What a driver run came to: `DriverResult.success("done")` or `DriverResult.failure("no such branch")`. */
export class DriverResult {
  /** Whether the pipeline goes on. */
  readonly success: boolean;
  /** One line for people. */
  readonly message: string;
  /** Anything later steps may need, as JSON has it. Keep it small. */
  readonly data: any;

  constructor(success: boolean, message = "", data: unknown = null) {
    this.success = success;
    this.message = message;
    this.data = data;
  }

  /** A good result: the pipeline goes on. */
  static success(message = "", data: unknown = null): DriverResult {
    return new DriverResult(true, message, data);
  }

  /** A bad result: the pipeline stops here. */
  static failure(message = "", data: unknown = null): DriverResult {
    return new DriverResult(false, message, data);
  }
}

/** What a reconcile may return: a result, an object like one, or nothing for a good result. */
export type ReconcileResult =
  | DriverResult
  | { success: boolean; message?: string; data?: unknown }
  | null
  | undefined
  | void;

/** How to ask for another attempt. */
export interface RetryOptions extends ErrorOptions {
  /** Why, for people. */
  message?: string;
  /** The delay in milliseconds. Without it the delay grows with each attempt. */
  afterMs?: number;
}

/**
 * Thrown by a reconcile that wants another attempt: `throw new Retry({ afterMs: 5000 })`.
 *
 * After `maxAttempts` the event is answered with a failed result.
 */
export class Retry extends Error {
  override readonly name: string = "Retry";
  /** The delay in milliseconds, when it was given. */
  readonly afterMs: number | undefined;

  /** Throws a `TypeError` when `afterMs` is no delay. */
  constructor(options: RetryOptions | string = {}) {
    const { message = "", afterMs, ...rest } = typeof options === "string" ? { message: options } : options;
    super(message, rest);
    this.afterMs = delay(afterMs);
  }
}

/** What a failed result says beside its message. */
export interface FailedOptions extends ErrorOptions {
  /** Data for the failed result, beside `error`. */
  data?: unknown;
}

/** Thrown by a reconcile that did not come to a good result. The event is answered with a failed result. */
export class Failed extends Error {
  override readonly name: string = "Failed";
  /** Data for the failed result. */
  readonly data: unknown;

  constructor(message = "", options: FailedOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.data = options.data;
  }
}

const MEMBERS = ["success", "message", "data"];

/** Completes a run with what its reconcile returned. Throws a `TypeError` when that is no result. */
export function finish(native: NativeManager, key: number, returned: unknown): void {
  if (returned === undefined || returned === null) {
    native.succeed(key, true, "");
    return;
  }
  if (typeof returned !== "object" || Array.isArray(returned)) {
    throw new TypeError(
      `reconcile returned ${kindOf(returned)}; return DriverResult.success(...), ` +
        "DriverResult.failure(...), an object with success, or nothing",
    );
  }
  const { success, message = "", data } = returned as { success?: unknown; message?: unknown; data?: unknown };
  for (const member in returned) {
    if (!MEMBERS.includes(member)) {
      throw new TypeError(
        `reconcile returned an object with the unknown member ${member}; a result has success, message and data`,
      );
    }
  }
  if (success === undefined) {
    throw new TypeError("reconcile returned an object without the member success");
  }
  if (typeof success !== "boolean") {
    throw new TypeError(`success: ${kindOf(success)} is not true or false`);
  }
  if (typeof message !== "string") {
    throw new TypeError(`message: ${kindOf(message)} is not text`);
  }
  calling(() => native.succeed(key, success, message, jsonText(data, "data")));
}

/** Completes a run with what its reconcile threw, whatever that is. */
export function fail(native: NativeManager, key: number, error: unknown): void {
  try {
    tell(native, key, error);
  } catch (unfit) {
    // The data are not JSON, say: that is what went wrong then.
    native.fail(key, typeName(unfit), text(unfit), traceback(error));
  }
}

function tell(native: NativeManager, key: number, error: unknown): void {
  if (isA(error, Retry)) {
    native.retry(key, text(error), delay(error.afterMs));
  } else if (isA(error, Failed)) {
    // Meant as it is: where it was thrown says nothing, unless something was behind it.
    const behind = error.cause === undefined ? undefined : traceback(error);
    native.fail(key, "Failed", text(error), behind, jsonText(error.data, "data"));
  } else {
    native.fail(key, typeName(error), text(error), traceback(error));
  }
}

function delay(afterMs: unknown): number | undefined {
  if (afterMs !== undefined && !(typeof afterMs === "number" && afterMs >= 0 && afterMs < Infinity)) {
    throw new TypeError(`afterMs: ${inspect(afterMs)} is no number of milliseconds`);
  }
  return afterMs;
}

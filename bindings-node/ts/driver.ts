import type { DriverOptions } from "./documents.js";
import { calling } from "./error.js";
import { jsonText } from "./json.js";
import { DriverManager, type DriverManagerOptions, type RunOptions } from "./manager.js";
import { camelMembers, snakeMembers } from "./names.js";
import { native } from "./native.js";
import type { DrainReport } from "./outcome.js";
import type { ReconcileResult } from "./result.js";
import type { Run } from "./run.js";
import { kindOf } from "./thrown.js";

/** The one function that a driver is for. It is called once for each run, and may be asynchronous. */
export type Reconcile<Spec = any> = (run: Run<Spec>) => ReconcileResult | PromiseLike<ReconcileResult>;

/**
 * A driver: what it listens to, and the one function it is for.
 *
 * ```js
 * const driver = new Driver({ name: "greeter", resources: ["greeting"] }, async (run) => {
 *   await run.log(`greeting ${run.resource.name}`);
 *   return DriverResult.success(`hello, ${run.resource.name}`);
 * });
 * console.log(String(await driver.run()));
 * ```
 *
 * `Spec` is the type of `run.resource.spec`.
 */
export class Driver<Spec = any> {
  /** The driver's options, with all defaults. */
  readonly options: Readonly<Required<DriverOptions>>;
  /** The function. */
  readonly reconcile: Reconcile<Spec>;

  /**
   * Throws a `ConveyorError` of code `OptionsInvalid` for an option that is unknown or of the wrong type,
   * and a `TypeError` for what cannot be a reconcile. Limits are checked when a manager starts.
   */
  constructor(options: DriverOptions, reconcile: Reconcile<Spec>) {
    const complete: Required<DriverOptions> = completed("options", options, native.driverOptions);
    this.options = Object.freeze(complete);
    checkReconcile(reconcile);
    this.reconcile = reconcile;
  }

  /** The driver's name. */
  get name(): string {
    return this.options.name;
  }

  /** The resource types it handles. */
  get resources(): readonly string[] {
    return this.options.resources;
  }

  /** Runs this driver alone until it is stopped; see `DriverManager.run`. */
  async run(options: Omit<DriverManagerOptions, "drivers"> & RunOptions = {}): Promise<DrainReport> {
    const { signal, ...rest } = options;
    return new DriverManager({ ...rest, drivers: this }).run({ signal });
  }
}

/** Options with all defaults, as the core completes them. */
export function completed<T>(name: string, options: object, complete: (document: string) => string): T {
  return camelMembers(JSON.parse(calling(() => complete(document(name, options)))));
}

/** Options as the JSON that the core reads. */
export function document(name: string, options: object): string {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${name}: ${kindOf(options)} is no object with options`);
  }
  jsonText(options, "");
  return JSON.stringify(snakeMembers(options));
}

function checkReconcile(reconcile: unknown): void {
  if (typeof reconcile !== "function") {
    throw new TypeError(`reconcile: ${kindOf(reconcile)} is no function`);
  }
  if (/^class\b/.test(Function.prototype.toString.call(reconcile))) {
    throw new TypeError(`reconcile: ${reconcile.name} is a class; give a function`);
  }
  if (/GeneratorFunction$/.test(reconcile.constructor?.name)) {
    throw new TypeError(`reconcile: ${reconcile.name} yields; a reconcile returns its result`);
  }
}

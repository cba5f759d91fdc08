import type { ManagerOptions } from "./documents.js";
import { completed, document, Driver } from "./driver.js";
import { calling, ConveyorError } from "./error.js";
import { checkTexts } from "./json.js";
import { type Logger, STDERR } from "./logger.js";
import { checkNames } from "./names.js";
import { native } from "./native.js";
import type { DrainReport } from "./outcome.js";
import { heedSignals } from "./process.js";
import { Session } from "./session.js";
import { kindOf } from "./thrown.js";
import type { EmbeddedStream } from "./embedded.js";

/** What a manager runs, how it connects and how it stops. */
export interface DriverManagerOptions extends ManagerOptions {
  /** One driver, or several of different names. */
  drivers: Driver | readonly Driver[];
  /** An event stream in this process, instead of a server. */
  stream?: EmbeddedStream;
  /**
   * Where the library's own records go, in the level of their name; `null` for nowhere. By default warnings
   * and errors go to standard error. The records are those of the whole process.
   */
  logger?: Logger | null;
}

/** How a manager runs. */
export interface RunOptions {
  /** Drains when it aborts. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs drivers: any number, on one connection, once.
 *
 * `await manager.run()` runs until it is stopped. `await using manager = await new DriverManager(...).start()`
 * has it run while the block does.
 */
export class DriverManager {
  readonly #drivers: readonly Driver[];
  readonly #options: string;
  readonly #signals: boolean;
  readonly #stream: EmbeddedStream | undefined;
  readonly #logger: Logger | null;
  #session: Session | undefined;
  #stoppedEarly = false;

  /**
   * What the options do not give is filled from the environment.
   *
   * Throws a `ConveyorError` of code `OptionsInvalid` for an option that is unknown or of the wrong type.
   */
  constructor(options: DriverManagerOptions) {
    if (typeof options !== "object" || options === null) {
      throw new TypeError(`options: ${kindOf(options)} is no object with options`);
    }
    const { drivers, stream, logger = STDERR, ...rest } = options;
    this.#drivers = Array.isArray(drivers) ? [...drivers] : [drivers as Driver];
    this.#drivers.forEach((driver, i) => {
      if (!(driver instanceof Driver)) {
        throw new TypeError(`drivers[${i}]: ${kindOf(driver)} is no Driver`);
      }
    });
    if (stream !== undefined && stream.native === undefined) {
      throw new TypeError(`stream: ${kindOf(stream)} is no EmbeddedStream`);
    }
    checkLogger(logger);
    this.#options = document("options", rest);
    this.#signals = completed<Required<ManagerOptions>>("options", rest, native.managerOptions).signals;
    this.#stream = stream;
    this.#logger = logger;
  }

  /**
   * Runs until it is stopped, and resolves with its report; the process can exit then.
   *
   * SIGINT (Ctrl-C) and SIGTERM drain, a second one ends every run now; unless `signals` is false, or this is
   * a worker thread. Rejects with what it failed to start with, and with the drivers' error when all of them
   * had to stop by themselves.
   */
  async run(options: RunOptions = {}): Promise<DrainReport> {
    const session = this.#begin(options);
    if (this.#signals) {
      heedSignals(session);
    }
    return session.ended;
  }

  /**
   * Starts, and resolves with the manager once every driver is ready to receive events. Signals are left to the
   * program, which calls `stop`.
   */
  async start(options: RunOptions = {}): Promise<this> {
    await this.#begin(options).started;
    return this;
  }

  /**
   * Asks it to drain: take no more events, give back those that have not started, let runs finish within
   * `shutdownGraceMs`, then cancel them. Resolves with the report at its end, or with nothing when it was not
   * started, and rejects as `run`. A manager that was stopped before its start does not start. A reconcile must
   * not await it.
   */
  async stop(): Promise<DrainReport | undefined> {
    this.#stoppedEarly = true;
    this.#session?.native.drain();
    return this.#session?.ended;
  }

  /** Ends every run now and gives its event back, so that another instance can take it. Resolves as `stop`. */
  async endNow(): Promise<DrainReport | undefined> {
    this.#stoppedEarly = true;
    this.#session?.native.endNow();
    return this.#session?.ended;
  }

  /**
   * Cancels a run, for a reason that its result will name. Says how many of its events were in flight here:
   * none when it is over, or with another instance.
   */
  cancel(runId: string, reason = ""): number {
    checkTexts({ runId, reason });
    return this.#session?.native.cancel(runId, reason) ?? 0;
  }

  /** What became of the events, once it has stopped. */
  get report(): DrainReport | null {
    return this.#session?.report ?? null;
  }

  /** Drains. A start that failed has been told of by `start` or `run`. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } catch (error) {
      if (!this.#session?.hasFailedToStart) {
        throw error;
      }
    }
  }

  #begin(options: RunOptions): Session {
    checkNames("options", options, ["signal"]);
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError(`signal: ${kindOf(signal)} is no AbortSignal`);
    }
    if (signal?.aborted) {
      throw new ConveyorError("Cancelled", "signal: it was aborted before the start; nothing was started", {
        signal: String(signal.reason),
      });
    }
    if (this.#session !== undefined) {
      throw new ConveyorError("Closed", "the manager was started before; make a new one");
    }
    const drivers = this.#drivers.map((driver) => document("options", driver.options));
    const manager = calling(() => new native.Manager(drivers, this.#options, this.#stream?.native));
    const session = new Session(manager, this.#drivers, this.#logger);
    session.start();
    this.#session = session;
    const drain = () => session.native.drain();
    if (this.#stoppedEarly) {
      drain();
    }
    signal?.addEventListener("abort", drain);
    const ended = () => signal?.removeEventListener("abort", drain);
    session.ended.then(ended, ended);
    return session;
  }
}

function checkLogger(logger: unknown): void {
  if (logger === null) {
    return;
  }
  for (const level of ["debug", "info", "warn", "error"]) {
    if (typeof (logger as Record<string, unknown>)[level] !== "function") {
      throw new TypeError(`logger: ${kindOf(logger)} has no method ${level}`);
    }
  }
}

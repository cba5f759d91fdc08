import { type Client, clientOf } from "./client.js";
import { storage } from "./context.js";
import type { Driver } from "./driver.js";
import { calling, ConveyorError, errorOfText } from "./error.js";
import { type Logger, record, say } from "./logger.js";
import { type NativeManager, type Notices, RUN_MEMBERS, type RunHandle, type Taken } from "./native.js";
import { DrainReport, ExecOutput } from "./outcome.js";
import { fail, finish } from "./result.js";
import { Run } from "./run.js";
import { shown } from "./thrown.js";
import { begun, over } from "./process.js";

/** How many runs are taken before the event loop has its turn: so many when reconcile soon gives it back, else one. */
const MOST = 16;
const FIRST = 4;
/** How long they may take to begin. */
const TURN_MS = 2;

interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A manager from its start to its end: takes runs, has them done, and says what came of them. */
export class Session {
  /** Once every driver is ready to receive events. */
  readonly started: Promise<void>;
  /** Once all is over. */
  readonly ended: Promise<DrainReport>;
  report: DrainReport | null = null;
  /** Whether it failed to start, and `started` says so. */
  hasFailedToStart = false;

  #startedSettle!: Settle<void>;
  #endedSettle!: Settle<DrainReport>;
  #runs = new Map<number, Run>();
  #rooms = new Map<number, () => void>();
  #commands = new Map<number, Settle<ExecOutput>>();
  #client: Client | undefined;
  #most = FIRST;
  #flushing = false;
  #taking = false;
  #isOver = false;

  constructor(
    readonly native: NativeManager,
    readonly drivers: readonly Driver[],
    readonly logger: Logger | null,
  ) {
    this.started = new Promise((resolve, reject) => (this.#startedSettle = { resolve, reject }));
    this.ended = new Promise((resolve, reject) => (this.#endedSettle = { resolve, reject }));
    // Whoever waits for the one does not have to wait for the other.
    this.started.catch(() => {});
    this.ended.catch(() => {});
  }

  /** Starts, and does not wait for that. */
  start(): void {
    // Nothing of the caller's context belongs to the runs.
    storage.exit(() => calling(() => this.native.start(() => this.#wake())));
    begun(this);
  }

  /** Whether all is over: nothing that a run says or starts comes anywhere any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether this run has not ended. */
  isOpen(key: number): boolean {
    return this.#runs.has(key);
  }

  /** The client of the API, which all runs share, made with a run that asks for it first. */
  client(run: () => RunHandle): Client {
    this.#client ??= clientOf(() => run().apiCalls());
    return this.#client;
  }

  /** How a command ends. */
  commandEnd(id: number): Promise<ExecOutput> {
    return new Promise((resolve, reject) => this.#commands.set(id, { resolve, reject }));
  }

  /** When the line of this ticket has its place. */
  room(ticket: number): Promise<void> {
    return new Promise((resolve) => this.#rooms.set(ticket, resolve));
  }

  /** A line that comes too late. */
  lateLine(run: Run, message: string): void {
    say(this.logger, "warning", `a line came after the end of run ${run.id} of ${run.driver}: ${message}`);
  }

  /** What a run threw where nobody caught it. */
  stray(run: Run, error: unknown): void {
    if (this.#runs.has(run.key)) {
      this.#fail(run, error);
    } else {
      say(this.logger, "error", `thrown after the end of run ${run.id} of ${run.driver}: ${shown(error)}`);
    }
  }

  #wake(): void {
    const notices = this.native.notices();
    if (notices !== null) {
      this.#notice(notices);
    }
    if (!this.#taking && this.report === null) {
      this.#take();
    }
  }

  #take(): void {
    this.#taking = false;
    this.#flush();
    const since = performance.now();
    const taken = this.native.take(this.#most);
    for (let at = 0; at < taken.length; at += RUN_MEMBERS) {
      this.#begin(taken, at);
    }
    if (taken.length === this.#most * RUN_MEMBERS) {
      // Whatever began has its turn before the next begin.
      this.#taking = true;
      setImmediate(() => this.#take());
    }
    this.#most = performance.now() - since > TURN_MS ? 1 : Math.min(this.#most * 2, MOST);
  }

  #begin(taken: Taken, at: number): void {
    const key = taken[at] as number;
    const driver = this.drivers[taken[at + 1] as number]!;
    const run = new Run(
      this,
      key,
      driver.name,
      taken[at + 2] as string,
      taken[at + 3] as string,
      taken[at + 4] as string,
      taken[at + 5] as number,
      taken[at + 6] as number | null,
    );
    this.#runs.set(key, run);
    storage.run(run, () => this.#reconcile(run, driver));
  }

  #reconcile(run: Run, driver: Driver): void {
    try {
      const returned = driver.reconcile(run) as PromiseLike<unknown> | undefined;
      if (typeof returned?.then === "function") {
        Promise.resolve(returned).then(
          (value) => this.#finish(run, value),
          (error: unknown) => this.#fail(run, error),
        );
      } else {
        this.#finish(run, returned);
      }
    } catch (error) {
      this.#fail(run, error);
    }
  }

  #finish(run: Run, returned: unknown): void {
    if (!this.#runs.has(run.key)) {
      return;
    }
    try {
      finish(this.native, run.key, returned);
    } catch (unfit) {
      fail(this.native, run.key, unfit);
    }
    this.#over(run);
  }

  #fail(run: Run, error: unknown): void {
    if (this.#runs.has(run.key)) {
      fail(this.native, run.key, error);
      this.#over(run);
    }
  }

  #over(run: Run): void {
    this.#runs.delete(run.key);
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.#flush());
    }
  }

  /** Has the core hear of all that ended in this turn of the loop, with one call. */
  #flush(): void {
    if (this.#flushing) {
      this.#flushing = false;
      this.native.flush();
    }
  }

  #notice({ cancelled, accepted, commands, records, state }: Notices): void {
    for (const key of cancelled) {
      const run = this.#runs.get(key);
      // What its listeners throw is the run's.
      storage.run(run!, () => run?.tellCancelled());
    }
    for (const ticket of accepted) {
      this.#rooms.get(ticket)?.();
      this.#rooms.delete(ticket);
    }
    for (const { id, output, error } of commands) {
      const settle = this.#commands.get(id);
      this.#commands.delete(id);
      if (error === undefined || error === null) {
        settle?.resolve(new ExecOutput(output!));
      } else {
        settle?.reject(errorOfText(error));
      }
    }
    for (const text of records) {
      record(this.logger, text);
    }
    if (state !== undefined && state !== null) {
      this.#hasStarted();
    }
    if (state === "ended") {
      this.#end();
    }
  }

  #hasStarted(): void {
    try {
      if (calling(() => this.native.hasStarted())) {
        this.#startedSettle.resolve();
      }
    } catch (error) {
      this.hasFailedToStart = true;
      this.#startedSettle.reject(error);
    }
  }

  #end(): void {
    try {
      const report = calling(() => this.native.report());
      this.report = new DrainReport(report!);
      this.#endedSettle.resolve(this.report);
    } catch (error) {
      this.#endedSettle.reject(error);
    }
    // What was said last.
    for (const text of this.native.notices()?.records ?? []) {
      record(this.logger, text);
    }
    this.native.close();
    this.#isOver = true;
    over(this);
    // Whoever still waits is abandoned, and may clean up.
    this.#rooms.forEach((room) => room());
    this.#rooms.clear();
    const gone = new ConveyorError("Cancelled", "the manager has ended, and the command with it");
    this.#commands.forEach(({ reject }) => reject(gone));
    this.#commands.clear();
  }
}

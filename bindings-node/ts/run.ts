import { format } from "node:util";

import type { Client } from "./client.js";
import { command, type ExecOptions } from "./command.js";
import type { CancelReason, Resource } from "./documents.js";
import { calling, ConveyorError } from "./error.js";
import { type Labels, labelsText, type RunLog, runLog } from "./log.js";
import { native, type RunHandle } from "./native.js";
import type { ExecOutput } from "./outcome.js";
import { heardEarly } from "./process.js";
import type { Session } from "./session.js";

const ACCEPTED = Promise.resolve();
/** In the place of a ticket: signals came while the line waited. */
const SIGNALLED = -1;

/** One driver run. `Spec` is the type of `resource.spec`. */
export class Run<Spec = any> {
  /** The run id, as the control plane sent it: the same for all steps of a pipeline. */
  readonly id: string;
  /** What happened: `create`, `process`, or any other name the sender chose. */
  readonly event: string;
  /** The resource as JSON text, exactly as it was sent. */
  readonly payload: string;
  /** The name of the driver that runs. */
  readonly driver: string;
  /** Which try this is, counted from 1 over all instances and restarts. */
  readonly attempt: number;
  /** When `runTimeoutMs` has this run cancelled; `null` without such a limit. */
  readonly deadline: Date | null;

  /** @internal */
  readonly session: Session;
  readonly #key: number;
  #handle: RunHandle | null = null;
  #resource: Resource<Spec> | undefined;
  #log: RunLog | undefined;
  #controller: AbortController | undefined;

  /** @internal */
  constructor(
    session: Session,
    key: number,
    driver: string,
    id: string,
    event: string,
    payload: string,
    attempt: number,
    leftMs: number | null,
  ) {
    this.session = session;
    this.#key = key;
    this.driver = driver;
    this.id = id;
    this.event = event;
    this.payload = payload;
    this.attempt = attempt;
    this.deadline = leftMs === null ? null : new Date(Date.now() + leftMs);
  }

  /**
   * The resource, parsed when first asked for.
   *
   * Throws a `ConveyorError` of code `MessageInvalid` when the payload is no resource or nested too deep;
   * `payload` still has it, and integers beyond `Number.MAX_SAFE_INTEGER` as they were sent.
   */
  get resource(): Resource<Spec> {
    if (this.#resource === undefined) {
      const { native: manager } = this.session;
      const open = this.session.isOpen(this.#key);
      const text = calling(() => (open ? manager.resource(this.#key) : native.resource(this.payload)));
      this.#resource = JSON.parse(text ?? this.payload) as Resource<Spec>;
    }
    return this.#resource;
  }

  /** The run's log: `run.log("text", { label: 1 })`, and `debug`, `info`, `warning` and `error`. */
  get log(): RunLog {
    this.#log ??= runLog((level, message, labels) => this.#write(level, message, labels));
    return this.#log;
  }

  /** Aborts when this run should end early, with a `ConveyorError` of code `Cancelled`. Hand it on to `fetch` and its like. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#abortIfCancelled();
    }
    return this.#controller.signal;
  }

  /** Whether this run should end early. */
  get cancelled(): boolean {
    return this.#native()?.cancelled ?? false;
  }

  /** Why this run should end early, once it should. */
  get cancelReason(): CancelReason | null {
    const reason = this.#native()?.cancelReason;
    return reason ? (JSON.parse(reason) as CancelReason) : null;
  }

  /** Throws a `ConveyorError` of code `Cancelled` when this run should end early: let it end the reconcile. */
  throwIfCancelled(): void {
    calling(() => this.#native()?.checkCancelled());
  }

  /**
   * The client of the Conveyor API, which all runs of a manager share: its options `client` say where it is.
   *
   * Throws a `ConveyorError` of code `OptionsInvalid` when no address was given.
   */
  get client(): Client {
    return this.session.client(() => {
      const handle = this.#native();
      if (handle === null) {
        throw new ConveyorError("Closed", "the run is over", { runId: this.id });
      }
      return handle;
    });
  }

  /** Reports progress, for `progressTimeoutMs`. A log line does so, too. */
  progress(): void {
    this.#native()?.progress();
  }

  /**
   * Runs a command as part of this run and resolves with how it ended. There is no shell.
   *
   * Each line of its output goes to the run's log as it comes, with the label `stream`. When the run is
   * cancelled or `signal` aborts, the command and all that it started get SIGTERM and, after `graceMs`,
   * SIGKILL. How it ended is data, not an error.
   *
   * Rejects with a `ConveyorError` of code `ExecFailed` when it cannot be started, and `Cancelled` when the
   * run was cancelled before.
   */
  async exec(program: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<ExecOutput> {
    const document = command(program, args, options);
    const { signal, stdin } = options;
    signal?.throwIfAborted();
    const handle = this.session.isOver ? null : this.#native();
    if (handle === null) {
      throw new ConveyorError("Closed", "the run is over", { runId: this.id, program });
    }
    const id = calling(() => handle.exec(document, stdin));
    const stop = () => handle.stopCommand(id);
    signal?.addEventListener("abort", stop);
    try {
      return await this.session.commandEnd(id);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** @internal */
  get key(): number {
    return this.#key;
  }

  /** @internal */
  tellCancelled(): void {
    if (this.#controller !== undefined) {
      this.#abortIfCancelled();
    }
  }

  #abortIfCancelled(): void {
    try {
      this.throwIfCancelled();
    } catch (cancelled) {
      this.#controller?.abort(cancelled);
    }
  }

  /** Nothing when the run was over before anybody asked. */
  #native(): RunHandle | null {
    this.#handle ??= this.session.native.run(this.#key);
    return this.#handle;
  }

  #write(level: number, message: string, labels?: Labels): Promise<void> {
    const text = typeof message === "string" ? message : format(message);
    const told = labels === undefined ? undefined : labelsText(labels);
    const handle = this.session.isOver ? null : this.#native();
    if (handle === null) {
      this.session.lateLine(this, text);
      return ACCEPTED;
    }
    const ticket = calling(() => handle.log(level, text, told));
    if (ticket === null) {
      return ACCEPTED;
    }
    if (ticket === SIGNALLED) {
      heardEarly(native.heardSignals());
      return ACCEPTED;
    }
    return this.session.room(ticket);
  }
}

import { randomUUID } from "node:crypto";

import type { LogEntry, Resource } from "./documents.js";
import { calling, ConveyorError } from "./error.js";
import { jsonText, kindOf } from "./json.js";
import { native, type NativeEmbedded } from "./native.js";
import { DriverResult } from "./result.js";

/** A result as it was published. */
export interface DriverAnswer {
  /** The driver that answered. */
  driver: string;
  /** Whether the pipeline goes on. */
  success: boolean;
  /** One line for people. */
  message: string;
  /** Anything later steps may need. */
  data: any;
}

/** How an event is posted. */
export interface PostOptions {
  /** What happened; `create` by default. */
  event?: string;
  /** The run id; a new one by default. */
  runId?: string;
  /** The one driver it is addressed to; all drivers of the resource's type by default. */
  driver?: string;
}

/** How long a result is waited for. */
export interface WaitOptions {
  /** 60,000 by default. */
  timeoutMs?: number;
}

/**
 * An event stream in this process that keeps JetStream's promises, for `new DriverManager({ stream })`.
 *
 * What it holds is gone with it.
 */
export class EmbeddedStream {
  /** @internal */
  readonly native: NativeEmbedded;
  #waiting = new Set<() => void>();

  constructor() {
    // The native half must not keep this object, or neither would ever be freed.
    const waiting = this.#waiting;
    this.native = calling(() => new native.Embedded(() => waiting.forEach((look) => look())));
  }

  /**
   * Posts an event about a resource, as the control plane does it, and returns its run id. It goes to all
   * drivers of the resource's type, or to one. Start the drivers before.
   */
  post(resource: Partial<Resource>, options: PostOptions = {}): string {
    const { event = "create", runId = randomUUID(), driver } = options;
    for (const [name, value] of Object.entries({ event, runId, driver: driver ?? "" })) {
      if (typeof value !== "string") {
        throw new TypeError(`${name}: ${kindOf(value)} is not text`);
      }
    }
    const text = jsonText(resource, "resource") ?? "null";
    calling(() => this.native.post(text, event, runId, driver));
    return runId;
  }

  /** Waits for so many results of a run. Rejects with `TimedOut` when they do not come in time. */
  results(runId: string, count = 1, { timeoutMs = 60_000 }: WaitOptions = {}): Promise<DriverAnswer[]> {
    return new Promise((resolve, reject) => {
      const settle = (settled: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settled();
      };
      const look = () => {
        const found = JSON.parse(calling(() => this.native.results(runId))) as DriverAnswer[];
        if (found.length >= count) {
          settle(() => resolve(found));
        }
      };
      const late = () => {
        const message = `the run ${runId} was not answered within ${timeoutMs} ms`;
        settle(() => reject(new ConveyorError("TimedOut", message, { runId })));
      };
      const timer = setTimeout(late, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  /** Waits for the result of a run. Rejects with `TimedOut` when it does not come in time. */
  async result(runId: string, options: WaitOptions = {}): Promise<DriverResult> {
    const { success, message, data } = (await this.results(runId, 1, options))[0]!;
    return new DriverResult(success, message, data);
  }

  /** The stored log lines of a run, or of all, in their order. */
  log(runId?: string): LogEntry[] {
    return JSON.parse(calling(() => this.native.log(runId))) as LogEntry[];
  }

  /** The messages that no driver could read. */
  deadLetters(): Buffer[] {
    return this.native.deadLetters();
  }
}

import { randomUUID } from "node:crypto";
import { inspect } from "node:util";

import type { LogEntry, Resource } from "./documents.js";
import { calling, ConveyorError } from "./error.js";
import { checkTexts, jsonText } from "./json.js";
import { checkNames } from "./names.js";
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

/** The longest time that Node has a timer for: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

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
    checkNames("options", options, ["event", "runId", "driver"]);
    const { event = "create", runId = randomUUID(), driver } = options;
    checkTexts({ event, runId, driver: driver ?? "" });
    const text = jsonText(resource, "resource") ?? "null";
    calling(() => this.native.post(text, event, runId, driver));
    return runId;
  }

  /** Waits for so many results of a run. Rejects with `TimedOut` when they do not come in time. */
  async results(runId: string, count = 1, options: WaitOptions = {}): Promise<DriverAnswer[]> {
    checkTexts({ runId });
    checkNames("options", options, ["timeoutMs"]);
    const { timeoutMs = 60_000 } = options;
    for (const [name, value] of Object.entries({ count, timeoutMs })) {
      if (typeof value !== "number" || !(value >= 0)) {
        throw new TypeError(`${name}: ${inspect(value)} is no number from 0 on`);
      }
    }
    return new Promise((resolve, reject) => {
      const settle = (settled: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settled();
      };
      const look = () => {
        let found: DriverAnswer[];
        try {
          found = JSON.parse(calling(() => this.native.results(runId)));
        } catch (error) {
          return settle(() => reject(error));
        }
        if (found.length >= count) {
          settle(() => resolve(found));
        }
      };
      const late = () => {
        const message = `the run ${runId} was not answered within ${timeoutMs} ms`;
        settle(() => reject(new ConveyorError("TimedOut", message, { runId })));
      };
      const timer = setTimeout(late, Math.min(timeoutMs, LONGEST_MS));
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
    checkTexts({ runId: runId ?? "" });
    return JSON.parse(calling(() => this.native.log(runId))) as LogEntry[];
  }

  /** The messages that no driver could read. */
  deadLetters(): Buffer[] {
    return this.native.deadLetters();
  }
}

import type { DriverReport, ExecOutput as ExecDocument } from "./documents.js";
import { type ErrorDocument, errorOf } from "./error.js";
import { camelMembers } from "./names.js";

/** How a command ended; as text it tells it in one line. */
export class ExecOutput implements Readonly<ExecDocument> {
  declare readonly code: number | null;
  declare readonly signal: number | null;
  declare readonly durationMs: number;
  declare readonly cancelled: boolean;
  /** Whether the command did its work: it exited with 0 and was not cancelled. */
  readonly success: boolean;
  readonly #text: string;

  /** @internal */
  constructor(written: string) {
    const { document, success, text } = JSON.parse(written);
    Object.assign(this, camelMembers(document));
    this.success = success;
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What a manager did from its start to its end; as text it tells it in one line. */
export class DrainReport {
  /** One report for each driver, in the order they were given. */
  readonly drivers: readonly Readonly<DriverReport>[];
  readonly #text: string;

  /** @internal */
  constructor(written: string) {
    const { document, text } = JSON.parse(written);
    this.drivers = document.drivers.map(({ error, ...counts }: { error: ErrorDocument | null }) => ({
      ...camelMembers<object>(counts),
      error: error && errorOf(error),
    }));
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

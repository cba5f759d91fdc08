import type { Level } from "./documents.js";
import { jsonText } from "./json.js";
import { kindOf } from "./thrown.js";

/** Facts beside the text of a line, as JSON has them. */
export type Labels = Record<string, unknown>;

/**
 * Writes a line. The promise resolves once the line has its place in the log; while the log's buffer is full
 * that takes until there is room. The lines of a run are stored before its result, awaited or not.
 */
export type WriteLine = (message: string, labels?: Labels) => Promise<void>;

/** A run's log. Call it for a line of level info. */
export interface RunLog extends WriteLine {
  /** Writes a line for finding faults. */
  readonly debug: WriteLine;
  /** Writes a line about what happened. */
  readonly info: WriteLine;
  /** Writes a line about what may need a look. */
  readonly warning: WriteLine;
  /** Writes a line about what went wrong. */
  readonly error: WriteLine;
}

/** The levels, the least first. @internal */
export const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];

/** Labels as the JSON that the core reads. @internal */
export function labelsText(labels: Labels): string | undefined {
  const text = jsonText(labels, "labels");
  if (text !== undefined && !text.startsWith("{")) {
    throw new TypeError(`labels: ${kindOf(labels)} is no object with labels`);
  }
  return text;
}

/** @internal */
export function runLog(write: (level: number, message: string, labels?: Labels) => Promise<void>): RunLog {
  const [debug, info, warning, error] = LEVELS.map(
    (_, level): WriteLine =>
      (message, labels) =>
        write(level, message, labels),
  );
  return Object.assign(info!.bind(null), { debug, info, warning, error }) as RunLog;
}

import { format } from "node:util";

import { currentRun } from "./context.js";
import type { RunLog } from "./log.js";

const CAPTURED = {
  debug: ["debug", "stdout"],
  log: ["info", "stdout"],
  info: ["info", "stdout"],
  warn: ["warning", "stderr"],
  error: ["error", "stderr"],
} as const;

/**
 * From now on what code of a run says through `console` goes to the run's log, with the label `stream`:
 * `log` and `info` as level info, `debug`, `warn` and `error` as theirs. Elsewhere it is written as ever.
 * Returns what undoes it.
 */
export function captureConsole(): () => void {
  const undo: (() => void)[] = [];
  for (const [method, [level, stream]] of Object.entries(CAPTURED) as [
    keyof typeof CAPTURED,
    (typeof CAPTURED)[keyof typeof CAPTURED],
  ][]) {
    const write = console[method];
    const captured = (...said: unknown[]): void => {
      const run = currentRun();
      if (run === undefined) {
        write.apply(console, said);
      } else {
        void (run.log as RunLog)[level](format(...said), { stream });
      }
    };
    console[method] = captured;
    undo.push(() => {
      if (console[method] === captured) {
        console[method] = write;
      }
    });
  }
  return () => undo.forEach((one) => one());
}

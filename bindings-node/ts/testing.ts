// Drivers in unit tests: on an event stream in this process, without a server.

import type { LogEntry, ManagerOptions, Resource } from "./documents.js";
import type { Driver } from "./driver.js";
import { EmbeddedStream, type WaitOptions } from "./embedded.js";
import { type DriverManagerOptions, DriverManager } from "./manager.js";
import type { DrainReport } from "./outcome.js";
import type { DriverResult } from "./result.js";

export { type DriverAnswer, EmbeddedStream, type PostOptions, type WaitOptions } from "./embedded.js";

/** What became of an event. */
export interface TestOutcome {
  /** The result that was published. */
  result: DriverResult;
  /** The run's log, all attempts, in order. */
  log: LogEntry[];
  /** The text of each line. */
  lines: string[];
  /** How often reconcile was called. */
  attempts: number;
  /** What the manager said at its end. */
  report: DrainReport;
}

/** How a driver is tested; all else are the manager's options. */
export interface TestOptions extends ManagerOptions, WaitOptions, Pick<DriverManagerOptions, "logger"> {
  /** What happened; `create` by default. */
  event?: string;
}

/**
 * Runs one event through a driver to its answer. Rejects with a `ConveyorError` of code `TimedOut` when none
 * comes in time.
 *
 * ```js
 * test("it greets", async () => {
 *   const { result, lines } = await runDriver(driver, { name: "Ada" });
 *   assert.equal(result.message, "hello, Ada");
 *   assert.deepEqual(lines, ["greeting Ada"]);
 * });
 * ```
 */
export async function runDriver<Spec>(
  driver: Driver<Spec>,
  resource: Partial<Resource<Spec>>,
  { event, timeoutMs, ...options }: TestOptions = {},
): Promise<TestOutcome> {
  const stream = new EmbeddedStream();
  const manager = await new DriverManager({ ...options, drivers: driver as Driver, stream }).start();
  let result: DriverResult;
  let run: string;
  try {
    run = stream.post({ resource: driver.resources[0], ...resource }, { event });
    result = await stream.result(run, { timeoutMs });
  } catch (error) {
    // Nobody waits for the run any more.
    await manager.endNow();
    throw error;
  }
  const report = (await manager.stop())!;
  const log = stream.log(run);
  return { result, log, lines: log.map((entry) => entry.message), attempts: report.drivers[0]!.runs, report };
}

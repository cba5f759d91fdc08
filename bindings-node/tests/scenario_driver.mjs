// The scripted driver as a program; see tests/scenarios/README.md.

import { createInterface } from "node:readline";

import { ConveyorError, Driver, DriverManager } from "conveyor-driver";

import { interpret, released } from "./scenario_interpreter.mjs";

const say = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const renamed = (document, rename) => JSON.parse(JSON.stringify(document), (_, value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([name, member]) => [rename(name), member]))
    : value);
const given = (name) => renamed(JSON.parse(process.env[name]), (member) => member.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()));

try {
  const drivers = given("SCENARIO_DRIVERS").map((options) => new Driver(options, interpret));
  const manager = new DriverManager({ drivers, ...given("SCENARIO_MANAGER") });
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => {
    const { release, cancel } = JSON.parse(line);
    if (release !== undefined) {
      released.add(release);
    } else {
      say({ cancelled: manager.cancel(cancel.run_id, cancel.reason) });
    }
  });
  input.on("close", () => manager.stop());
  const report = await manager.run();
  const told = report.drivers.map(({ runs, error, ...counts }) => ({ ...renamed(counts, snake), error: error?.code }));
  say({ report: { drivers: told } });
  process.exit();
} catch (error) {
  if (!(error instanceof ConveyorError)) {
    throw error;
  }
  say({ refused: { code: error.code, paths: Object.keys(error.context).map(snake) } });
  process.exit();
}

// The third step of a pipeline: makes a badge of the build that `git-build` did, as shields.io draws them.
//
// What an earlier step answered stands in the resource's metadata, as JSON text.

import { fileURLToPath } from "node:url";

import { type Run, Driver, DriverResult, Failed } from "conveyor-driver";

interface Answer {
  success: boolean;
  message: string;
  data: { commit: string; duration_ms: number };
}

interface Badge {
  schemaVersion: 1;
  label: string;
  message: string;
  color: "brightgreen" | "red";
}

export const driver = new Driver({ name: "build-badge", resources: ["build"] }, async (run: Run) => {
  const answer: unknown = run.resource.metadata["driverresults.git-build"];
  if (typeof answer !== "string") {
    throw new Failed("git-build has not answered: it belongs before build-badge in the pipeline");
  }
  const { success, data } = JSON.parse(answer) as Answer;
  const badge: Badge = {
    schemaVersion: 1,
    label: run.resource.name,
    message: `${data.commit.slice(0, 7)} in ${(data.duration_ms / 1000).toFixed(1)} s`,
    color: success ? "brightgreen" : "red",
  };
  await run.log(`the badge is ${badge.color}`, { badge });
  return DriverResult.success(`${badge.label}: ${badge.message}`, badge);
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.error(String(await driver.run()));
}

// The fourth step of the demo's pipeline: packs what was built into an archive that is named after its commit.
//
// What an earlier step answered stands in the resource's metadata, as JSON text.

import { fileURLToPath } from "node:url";

import { type Run, Driver, DriverResult, Failed } from "conveyor-driver";

interface Spec {
  workspace: string;
}

interface Fetched {
  data: { commit: string };
}

export const driver = new Driver({ name: "package", resources: ["app"] }, async (run: Run) => {
  const fetched: unknown = run.resource.metadata["driverresults.fetch"];
  if (typeof fetched !== "string") {
    throw new Failed("fetch has not answered: it belongs before package in the pipeline");
  }
  const { commit } = (JSON.parse(fetched) as Fetched).data;
  const { workspace } = run.resource.spec as Spec;
  const archive = `${run.resource.name}-${commit}.tar.gz`;
  const output = await run.exec("tar", ["-czvf", archive, "-C", "source", "dist"], { cwd: workspace });
  return new DriverResult(output.success, output.success ? `packed ${archive}` : `tar: ${output}`, { archive });
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.error(String(await driver.run()));
}

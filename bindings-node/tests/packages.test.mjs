import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import * as esm from "conveyor-driver";
import { createRequire } from "node:module";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-package-"));
const GREET = `
  const driver = new Driver({ name: "greeter", resources: ["greeting"] }, async (run) => {
    await run.log(\`greeting \${run.resource.name}\`);
    return DriverResult.success(\`hello, \${run.resource.name}\`);
  });
  runDriver(driver, { name: "Ada" }).then(({ result, lines }) => console.log(result.message, lines.join()));
`;

before(() => {
  const packed = path.join(folder, "packed");
  const app = path.join(folder, "app");
  mkdirSync(app);
  execFileSync(process.execPath, [path.join(root, "scripts/pack.mjs"), packed], { stdio: "ignore" });
  writeFileSync(path.join(app, "package.json"), "{}");
  const tarballs = readdirSync(packed).map((name) => path.join(packed, name));
  const install = ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs];
  execFileSync("npm", install, { cwd: app, stdio: "pipe", env: { ...process.env, npm_config_cache: path.join(folder, "cache") } });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program of this text in the folder that the package was installed into. */
function run(name, text) {
  const file = path.join(folder, "app", name);
  writeFileSync(file, text);
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** What the type-checker says of such a program. */
function check(name, text) {
  const app = path.join(folder, "app");
  for (const type of ["node", "../undici-types"]) {
    const link = path.join(app, "node_modules/@types", type);
    mkdirSync(path.dirname(link), { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(path.join(root, "node_modules/@types", type), link);
  }
  writeFileSync(path.join(app, name), text);
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node", "--lib", "es2022,esnext.disposable"];
  const tsc = [path.join(root, "node_modules/typescript/bin/tsc"), ...options, name];
  return spawnSync(process.execPath, tsc, { cwd: app, encoding: "utf8" }).stdout;
}

test("an empty folder can import it", () => {
  const imports = `import { Driver, DriverResult } from "conveyor-driver"; import { runDriver } from "conveyor-driver/testing";`;
  assert.equal(run("app.mjs", imports + GREET), "hello, Ada greeting Ada\n");
});

test("an empty folder can require it", () => {
  const requires = `const { Driver, DriverResult } = require("conveyor-driver"); const { runDriver } = require("conveyor-driver/testing");`;
  assert.equal(run("app.cjs", requires + GREET), "hello, Ada greeting Ada\n");
});

test("what is imported and what is required are the same", () => {
  const required = createRequire(import.meta.url)("conveyor-driver");
  const names = (exported) => Object.keys(exported).filter((name) => !["default", "module.exports", "__esModule"].includes(name)).sort();
  assert.deepEqual(names(required), names(esm));
  for (const name of names(esm)) {
    assert.equal(required[name], esm[name], name);
  }
});

test("a program in TypeScript is checked, as a module and as CommonJS", () => {
  const program = `
    import { type Run, Driver, DriverManager, DriverResult, Retry } from "conveyor-driver";
    import { runDriver } from "conveyor-driver/testing";
    interface Build { branch: string }
    const driver = new Driver<Build>({ name: "git", resources: ["build"], ackWaitMs: 1000, serialize: "none" }, async (run: Run<Build>) => {
      const branch: string = run.resource.spec.branch;
      if (run.attempt < 2) throw new Retry({ afterMs: 5 });
      const { code, success } = await run.exec("git", ["checkout", branch], { signal: run.signal });
      const exit: number | null = code;
      await run.log.warning("careful", { exit });
      return success ? DriverResult.success() : { success: false, message: "no" };
    });
    export async function main(): Promise<string> {
      await using manager = await new DriverManager({ drivers: [driver], connection: { tls: { caFile: "ca.pem" } } }).start();
      const { lines } = await runDriver(driver, { name: "x", spec: { branch: "main" } });
      return \`\${manager.report?.drivers[0]?.leaseLost} \${lines[0]}\`;
    }
  `;
  assert.equal(check("program.mts", program), "");
  assert.equal(check("program.cts", program), "");
});

test("what TypeScript can know to be wrong is refused", () => {
  const complaints = check(
    "wrong.mts",
    `import { Driver } from "conveyor-driver";
     new Driver({ name: "a", resources: ["b"], ackWaitMS: 1 }, () => {});
     new Driver({ name: "a" }, () => {});
     new Driver({ name: "a", resources: ["b"] }, () => "done");
     new Driver<{ x: number }>({ name: "a", resources: ["b"] }, (run) => void run.resource.spec.y);`,
  );
  assert.match(complaints, /wrong\.mts\(2,.*ackWaitMS/);
  assert.match(complaints, /wrong\.mts\(3,.*resources/);
  assert.match(complaints, /wrong\.mts\(4,/);
  assert.match(complaints, /wrong\.mts\(5,.*'y'/);
});

test("every export has its documentation", () => {
  const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(exports), [".", "./testing", "./package.json"]);
  const undocumented = [];
  for (const file of readdirSync(path.join(root, "dist")).filter((name) => name.endsWith(".d.ts") && name !== "native.d.ts")) {
    const lines = readFileSync(path.join(root, "dist", file), "utf8").split("\n");
    lines.forEach((line, i) => {
      if (/^export (declare )?(class|function|interface|type \w+ =|const) /.test(line) && !lines[i - 1].trimEnd().endsWith("*/")) {
        undocumented.push(`${file}: ${line}`);
      }
    });
  }
  assert.deepEqual(undocumented, []);
});

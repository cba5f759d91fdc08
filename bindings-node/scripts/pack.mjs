// Packs what is published, into the folder given (default: packed): the package itself, which names a
// package for each platform as an optional dependency, and the one for this platform.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { nativeFile, PLATFORMS, platformName, root } from "./platform.mjs";

const packed = path.resolve(process.argv[2] ?? path.join(root, "packed"));
const platform = platformName();
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const { version, license, repository, engines } = manifest;
const packageName = (platform) => `${manifest.name}-${platform}`;

mkdirSync(packed, { recursive: true });
const staged = mkdtempSync(path.join(tmpdir(), "conveyor-pack-"));
const stage = (name, manifest, files) => {
  const folder = path.join(staged, name);
  mkdirSync(folder);
  for (const [from, to] of files) {
    cpSync(from, path.join(folder, to), { recursive: true, filter: (file) => to.endsWith(".node") || !file.endsWith(".node") });
  }
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
  execFileSync("npm", ["pack", "--silent", "--pack-destination", packed], { cwd: folder, stdio: "inherit" });
};

const { devDependencies, scripts, ...published } = manifest;
stage(
  "main",
  {
    ...published,
    optionalDependencies: Object.fromEntries(Object.keys(PLATFORMS).map((name) => [packageName(name), version])),
  },
  [
    [path.join(root, "dist"), "dist"],
    [path.join(root, "README.md"), "README.md"],
    [path.join(root, "../LICENSE"), "LICENSE"],
  ],
);
const file = nativeFile(platform);
stage(
  platform,
  {
    name: packageName(platform),
    version,
    description: `The native half of ${manifest.name} for ${platform}.`,
    license,
    repository,
    engines,
    main: file,
    files: [file],
    ...PLATFORMS[platform],
  },
  [
    [path.join(root, "dist", file), file],
    [path.join(root, "../LICENSE"), "LICENSE"],
  ],
);
rmSync(staged, { recursive: true, force: true });

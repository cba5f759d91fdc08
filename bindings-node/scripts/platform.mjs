// The names of platforms, and of what is built for them.

import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Every platform that there are packages for, as npm tells them apart. */
export const PLATFORMS = {
  "linux-x64-gnu": { os: ["linux"], cpu: ["x64"], libc: ["glibc"] },
  "linux-arm64-gnu": { os: ["linux"], cpu: ["arm64"], libc: ["glibc"] },
  "linux-x64-musl": { os: ["linux"], cpu: ["x64"], libc: ["musl"] },
  "linux-arm64-musl": { os: ["linux"], cpu: ["arm64"], libc: ["musl"] },
  "darwin-x64": { os: ["darwin"], cpu: ["x64"] },
  "darwin-arm64": { os: ["darwin"], cpu: ["arm64"] },
};

/** The platform that this is. */
export function platformName() {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform !== "linux") {
    return name;
  }
  return `${name}-${process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "gnu"}`;
}

/** What cargo calls the library here. */
export function library() {
  return process.platform === "darwin" ? "libconveyor_driver_node.dylib" : "libconveyor_driver_node.so";
}

/** What Node loads. */
export const nativeFile = (platform) => `conveyor-driver.${platform}.node`;

import assert from "node:assert/strict";

/** Kills a process group that a test that failed may have left behind. */
export function killGroup(leader) {
  // These would be this group and every process.
  assert.ok(leader > 1, `${leader} is no leader of a group`);
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

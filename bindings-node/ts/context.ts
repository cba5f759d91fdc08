import { AsyncLocalStorage } from "node:async_hooks";

import type { Run } from "./run.js";

/** @internal */
export const storage = new AsyncLocalStorage<Run>();

/** The run that the calling code belongs to, however deep and however asynchronous; nothing outside of one. */
export function currentRun(): Run | undefined {
  return storage.getStore();
}

// What all managers of this process, or worker thread, share: its end, its signals, and what it threw
// where nobody caught it.

import { isMainThread } from "node:worker_threads";

import { currentRun } from "./context.js";
import { native } from "./native.js";
import type { Session } from "./session.js";

const sessions = new Set<Session>();
const signalled = new Set<Session>();
const early: NodeJS.Signals[] = [];
const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** A manager was started. */
export function begun(session: Session): void {
  if (sessions.size === 0) {
    process.on("exit", endAll);
    process.on("uncaughtException", uncaught);
  }
  sessions.add(session);
}

/** It has ended. */
export function over(session: Session): void {
  ignoreSignals(session);
  sessions.delete(session);
  if (sessions.size === 0) {
    process.off("exit", endAll);
    process.off("uncaughtException", uncaught);
  }
}

/** Has SIGINT and SIGTERM drain it, and a second one end it now. */
export function heedSignals(session: Session): void {
  if (!isMainThread) {
    return;
  }
  if (signalled.size === 0) {
    SIGNALS.forEach((name) => process.on(name, heard));
    native.heedSignals(true);
  }
  signalled.add(session);
}

function ignoreSignals(session: Session): void {
  if (signalled.delete(session) && signalled.size === 0) {
    SIGNALS.forEach((name) => process.off(name, heard));
    native.heedSignals(false);
    early.length = 0;
  }
}

/** Signals that came while a line held up the event loop, which will tell of them as well. */
export function heardEarly(names: readonly NodeJS.Signals[]): void {
  for (const name of names) {
    early.push(name);
    stopSignalled();
  }
}

function heard(name: NodeJS.Signals): void {
  const at = early.indexOf(name);
  if (at >= 0) {
    early.splice(at, 1);
  } else {
    stopSignalled();
  }
}

function stopSignalled(): void {
  for (const { native } of signalled) {
    if (native.state === "draining" || native.state === "ended") {
      native.endNow();
    } else {
      native.drain();
    }
  }
}

/** The last moment: events are given back, so that others can take them at once. */
function endAll(): void {
  sessions.forEach(({ native }) => native.endNow());
  sessions.forEach(({ native }) => native.end());
}

/** What a run threw where nobody caught it fails that run. Anything else is not ours. */
function uncaught(error: unknown): void {
  const run = currentRun();
  if (run !== undefined) {
    run.session.stray(run, error);
  } else if (process.listenerCount("uncaughtException") === 1) {
    // As if we did not listen: the process ends with it.
    process.off("uncaughtException", uncaught);
    setImmediate(() => {
      throw error;
    });
  }
}

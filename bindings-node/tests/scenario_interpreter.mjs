// What a scenario's script says, carried out; see tests/scenarios/README.md.

import { setTimeout as sleep } from "node:timers/promises";

import { DriverResult, Retry } from "conveyor-driver";

export const released = new Set();
const ENDS = ["succeed", "fail", "retry", "raise", "panic"];

class UnknownStep extends Error {
  name = "UnknownStep";
}

const STEPS = {
  log: (run, text) => run.log(text),
  async line(run, { message, level = "info", labels, repeat = 1, times }) {
    const text = message.repeat(repeat);
    for (let n = 1; n <= (times ?? 1); n++) {
      await run.log[level](times === undefined ? text : `${text} ${n}`, labels);
    }
  },
  tell: (run, fact, exit) => run.log(fact === "exit" ? JSON.stringify(exit) : tell(run, fact)),
  progress: (run) => run.progress(),
  block_ms: (_, ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  sleep_ms: (_, ms) => sleep(ms),
  hold: (_, name) => until(() => released.has(name)),
  wait_for_cancel: (run) => until(() => run.signal.aborted),
};

export async function interpret(run) {
  const steps = [...(run.resource.spec.script ?? [])];
  const unknown = steps.flatMap(Object.keys).filter((step) => !(step in STEPS || ENDS.includes(step) || step === "exec" || step === "by_attempt"));
  if (unknown.length > 0) {
    throw new UnknownStep(unknown.join());
  }
  let exit;
  while (steps.length > 0) {
    const [[step, given]] = Object.entries(steps.shift());
    if (ENDS.includes(step)) {
      return end(step, given);
    } else if (step === "exec") {
      const { program, args, env, stdin, grace_ms: graceMs } = given;
      const { code, signal, durationMs: duration_ms, cancelled } = await run.exec(program, args, { env, stdin, graceMs });
      exit = { code, signal, duration_ms, cancelled };
    } else if (step === "by_attempt") {
      steps.unshift(...given[Math.min(run.attempt, given.length) - 1]);
    } else {
      await STEPS[step](run, given, exit);
    }
  }
}

function end(step, { message = "", data, repeat = 1, after_ms: afterMs }) {
  if (step === "retry") {
    throw new Retry({ message, afterMs });
  } else if (step === "raise") {
    throw new Error(message);
  } else if (step === "panic") {
    process.nextTick(() => {
      throw new Error(message);
    });
    return new Promise(() => {});
  }
  return new DriverResult(step === "succeed", message, typeof data === "string" ? data.repeat(repeat) : data);
}

function tell(run, fact) {
  const kind = run.cancelReason?.kind ?? "";
  const facts = {
    run_id: run.id,
    resource_name: run.resource.name,
    cancel_reason: kind.replace(/(?:^|_)(.)/g, (_, letter) => letter.toUpperCase()),
  };
  return String(facts[fact] ?? run[fact]);
}

async function until(there) {
  while (!there()) {
    await sleep(5);
  }
}

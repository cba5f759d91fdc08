// What a reconcile may throw though nobody should.

import { Failed, Retry } from "conveyor-driver";

export const broken = () => {
  throw new Error("broken");
};
const untouchable = (target = {}) =>
  new Proxy(target, { get: broken, has: broken, getPrototypeOf: broken, ownKeys: broken, getOwnPropertyDescriptor: broken });
export const having = (error, name, member) => Object.defineProperty(error, name, member);
class BrokenFailed extends Failed {
  get data() {
    return broken();
  }
}
/** By name. */
export const THROWN = {
  null: null,
  undefined: undefined,
  symbol: Symbol("s"),
  untouchable: untouchable(),
  untouchableError: untouchable(new Error("x")),
  untouchableFunction: untouchable(() => {}),
  withoutPrototype: Object.create(null),
  frozen: Object.freeze(new Error("frozen")),
  messageThrows: having(new Error(), "message", { get: broken }),
  messageIsNone: having(new Error(), "message", { value: Symbol("x") }),
  nameThrows: having(new Error("m"), "name", { get: broken }),
  nameIsNone: having(new Error("m"), "name", { value: Symbol("n") }),
  constructorThrows: having(new Error("m"), "constructor", { get: broken }),
  constructorsNameIsNone: having(new Error("m"), "constructor", { value: { name: 5 } }),
  stackThrows: having(new Error("m"), "stack", { get: broken }),
  causeThrows: having(new Error("m"), "cause", { get: broken, enumerable: true }),
  causeIsUntouchable: new Error("m", { cause: untouchable() }),
  lone: new Error("a\ud800"),
  aggregate: new AggregateError([new Error("a"), null, untouchable()], "several"),
  retryAfterText: having(new Retry("again"), "afterMs", { value: "5" }),
  retryAfterNegative: having(new Retry("again"), "afterMs", { value: -1 }),
  retryAfterThrows: having(new Retry("again"), "afterMs", { get: broken }),
  retryMessageThrows: having(new Retry("again"), "message", { get: broken }),
  retryWithoutConstructor: Object.create(Retry.prototype),
  failedDataThrow: having(new Failed("f"), "data", { get: broken }),
  failedDataBigInt: having(new Failed("f"), "data", { value: 1n }),
  failedCauseThrows: having(new Failed("f"), "cause", { get: broken }),
  failedWithoutConstructor: Object.create(Failed.prototype),
  failedSubclass: Object.create(BrokenFailed.prototype),
};

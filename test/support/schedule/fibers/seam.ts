/** Stands for src/base/sync.ts in the program that fibers run. */
import type { AsyncWait, SharedInts } from "../../../../src/base/sync.js";
import * as C from "../control.js";
import { beginAsyncWait, stackWanted, track } from "../watch.js";

const NO_WORDS = new Int32Array(0);

/** An operation that a fiber is about to do, and the result of the one that was done. */
export const pending = {
  op: 0,
  view: NO_WORDS as SharedInts,
  index: 0,
  value: 0,
  expected: 0,
  result: 0 as unknown,
  /** Where in the sources the operation is, if that is wanted. */
  stack: "",
};

function note(
  op: number,
  view: SharedInts,
  index: number,
  value: number,
  expected: number,
): undefined {
  // Two operations in one step: a function that reaches one was called as a plain function.
  if (pending.op !== 0) throw new Error(`operation ${op} outside of a step`);
  pending.op = op;
  pending.view = view;
  pending.index = index;
  pending.value = value;
  pending.expected = expected;
  pending.stack = stackWanted();
}

/** Notes each operation; the fiber yields then, and its result is in `pending`. */
export const sync: Record<string, unknown> = {
  load: (view: SharedInts, index: number) => note(C.LOAD, view, index, 0, 0),
  store: (view: SharedInts, index: number, value: number) => note(C.STORE, view, index, value, 0),
  add: (view: SharedInts, index: number, value: number) => note(C.ADD, view, index, value, 0),
  or: (view: SharedInts, index: number, value: number) => note(C.OR, view, index, value, 0),
  and: (view: SharedInts, index: number, value: number) => note(C.AND, view, index, value, 0),
  exchange: (view: SharedInts, index: number, value: number) =>
    note(C.EXCHANGE, view, index, value, 0),
  compareExchange: (view: SharedInts, index: number, expected: number, value: number) =>
    note(C.COMPARE_EXCHANGE, view, index, value, expected),
  notify: (view: SharedInts, index: number, count = Infinity) =>
    note(C.NOTIFY, view, index, count, 0),
  wait: (view: SharedInts, index: number, value: number, ms: number) =>
    note(C.WAIT, view, index, value, ms),
  now: () => note(C.CLOCK, NO_WORDS, 0, 0, 0),
  waitAsync: (view: SharedInts, index: number, value: number) => beginAsyncWait(view, index, value),
  track: (name: string, view: unknown) => track(name, view),
};

export type { AsyncWait, SharedInts };

import { expect } from "vitest";
import { BufferError, type BufferErrorCode } from "../../../src/buffers/index.js";
import { Heap } from "../../../src/index.js";
import { SMALL_BYTES } from "../help.js";

/** Runs an action on a small heap, and checks that it leaves nothing there. */
export function onHeap(action: (heap: Heap<ArrayBuffer>) => void): void {
  const heap = Heap.create({ capacity: SMALL_BYTES });
  action(heap);
  heap.verify();
  expect([...heap.blocks()].filter(({ state }) => state === "live")).toEqual([]);
}

/** Returns the BufferError that an action throws. */
export function refusal(action: () => unknown, code: BufferErrorCode): BufferError {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  if (!(error instanceof BufferError)) throw new Error(`expected ${code}, got ${String(error)}`);
  expect(error.code, error.message).toBe(code);
  return error;
}

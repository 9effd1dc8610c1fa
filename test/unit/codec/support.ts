import { expect } from "vitest";
import {
  BufferError,
  type BufferErrorCode,
  type Bytes,
  BytesPool,
} from "../../../src/buffers/index.js";
import { Reader } from "../../../src/codec/index.js";
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

/** Returns bytes in parts of one byte, after one that is empty. */
export function singles(pool: BytesPool, input: Uint8Array): Bytes {
  const parts = [pool.from([]), ...[...input].map((byte) => pool.from([byte]))];
  const [first, ...others] = parts as [Bytes, ...Bytes[]];
  const all = first.concat(...others);
  for (const part of parts) part.release();
  return all;
}

/** The same bytes as an array, in one part, and as a chain of single bytes. */
export function everyWay(input: Uint8Array, action: (reader: Reader) => void): void {
  action(new Reader(input));
  action(new Reader(input, { strict: true }));
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    for (const all of [pool.from(input), singles(pool, input)]) {
      action(new Reader(all));
      all.release();
    }
  });
}

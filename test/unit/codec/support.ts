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

/** One heap for all, because to make one takes longer than a test of some bytes. */
const heap = Heap.create({ capacity: SMALL_BYTES });
const pool = new BytesPool(heap);

/** Reads bytes and releases them. Nothing may be left on the heap. */
function readOnce(bytes: Bytes, action: (reader: Reader) => void): void {
  action(new Reader(bytes));
  bytes.release();
  expect(heap.stats().live.blocks).toBe(0);
}

/** The same bytes as an array, in one part, and as a chain of single bytes. */
export function everyWay(input: Uint8Array, action: (reader: Reader) => void): void {
  action(new Reader(input));
  action(new Reader(input, { strict: true }));
  readOnce(pool.from(input), action);
  readOnce(singles(pool, input), action);
}

/** The same bytes as an array, in parts of one byte, and in two parts, cut at each place. */
export function everyCut(input: Uint8Array, action: (reader: Reader) => void): void {
  everyWay(input, action);
  for (let cut = 1; cut < input.length; cut++) {
    const [head, tail] = [pool.from(input.subarray(0, cut)), pool.from(input.subarray(cut))];
    const all = head.concat(tail);
    head.release();
    tail.release();
    readOnce(all, action);
  }
}

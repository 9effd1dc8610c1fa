import { expect } from "vitest";
import { HeapError, type HeapErrorCode } from "../../src/base/errors.js";
import type { Ptr } from "../../src/base/types.js";
import { arena } from "../../src/central/arena.js";
import { Heap, type HeapOptions } from "../../src/index.js";
import { type HeapViews, viewImage } from "../../src/layout/views.js";

/** The smallest heap. */
export const SMALL_BYTES = 524288;
export const SLAB = 65536;

export function smallHeap(options: Partial<HeapOptions> = {}): Heap<ArrayBuffer> {
  return Heap.create({ capacity: SMALL_BYTES, ...options });
}

/** A value of the wrong type, for calls that a compiler would refuse. */
export function wrong<T>(value: unknown): T {
  return value as T;
}

/** Returns the HeapError that an action throws. */
export function thrown(action: () => unknown, code?: HeapErrorCode): HeapError {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  if (!(error instanceof HeapError)) {
    throw new Error(`expected a HeapError ${code ?? ""}, got ${String(error)}`);
  }
  expect(error.name).toBe("HeapError");
  if (code !== undefined) expect(error.code, error.message).toBe(code);
  return error;
}

/** Returns the FNV-1a hash of a heap's buffer, or of its first bytes. */
export function fingerprint(buffer: ArrayBufferLike, bytes: number = buffer.byteLength): number {
  const words = new Uint32Array(buffer, 0, bytes >> 2);
  let hash = 0x811c9dc5;
  for (let index = 0; index < words.length; index++) {
    hash = Math.imul(hash ^ (words[index] as number), 0x01000193);
  }
  return hash;
}

/** Checks that an action is refused with the code, and that no byte of the image has changed. */
export function refused(heap: Heap, code: HeapErrorCode, action: () => unknown): HeapError {
  const before = fingerprint(heap.buffer);
  const error = thrown(action, code);
  expect(fingerprint(heap.buffer) === before, `image unchanged by ${error.message}`).toBe(true);
  return error;
}

/** Returns the views of a heap, as the allocator has them. */
export function viewsOf(heap: Heap): HeapViews {
  return viewImage(heap.buffer, heap.options.capacity, arena);
}

/** Allocates blocks of one size until memory is exhausted. */
export function fill(heap: Heap, size: number): Ptr[] {
  const ptrs: Ptr[] = [];
  for (let ptr = heap.tryMalloc(size); ptr !== 0; ptr = heap.tryMalloc(size)) ptrs.push(ptr);
  return ptrs;
}

/** Writes a pattern over a block's first bytes; `isPattern` finds it again. */
export function writePattern(heap: Heap, ptr: number, bytes: number, seed: number): void {
  for (let index = 0; index < bytes; index++) heap.u8[ptr + index] = (index * 7 + seed) & 255;
}

export function isPattern(heap: Heap, ptr: number, bytes: number, seed: number): boolean {
  for (let index = 0; index < bytes; index++) {
    if (heap.u8[ptr + index] !== ((index * 7 + seed) & 255)) return false;
  }
  return true;
}

/** Reads an entry that must be there. */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const value = list[index];
  if (value === undefined) throw new Error(`no entry ${index}`);
  return value;
}

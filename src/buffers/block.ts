import { NULL, type Ptr } from "../index.js";
import type { ByteHeap } from "./heap.js";

/** A block of a heap that slices share. The last slice to leave frees it. */
export class Block<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly heap: ByteHeap<B>;
  ptr: Ptr;
  holders: number;

  constructor(heap: ByteHeap<B>, ptr: Ptr) {
    this.heap = heap;
    this.ptr = ptr;
    this.holders = 0;
  }

  leave(): void {
    this.holders--;
    if (this.holders > 0) return;
    const { ptr } = this;
    this.ptr = NULL;
    this.heap.free(ptr);
  }
}

/** Successive bytes of a block. `start` is their offset in the buffer of the heap. */
export interface Part<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly block: Block<B>;
  readonly start: number;
  readonly length: number;
}

/** Returns the bytes of all parts together. */
export function lengthOf(parts: readonly Part[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

/** Returns the parts between two positions, which must lie within them. It does not hold them. */
export function cutParts<B extends ArrayBufferLike>(
  parts: readonly Part<B>[],
  start: number,
  end: number,
): Part<B>[] {
  const cut: Part<B>[] = [];
  let at = 0;
  for (const { block, start: from, length } of parts) {
    const low = Math.max(start, at);
    const high = Math.min(end, at + length);
    if (low < high) cut.push({ block, start: from + low - at, length: high - low });
    at += length;
  }
  return cut;
}

/** Counts one holder more for the block of each part. */
export function hold(parts: readonly Part[]): void {
  for (const { block } of parts) block.holders++;
}

/**
 * Counts one holder less for the block of each part. If one throws, for example because the program
 * has freed the block by its ptr, the others are still left, and the first error is thrown.
 */
export function leave(parts: readonly Part[]): void {
  const failures: unknown[] = [];
  for (const { block } of parts) {
    try {
      block.leave();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Returns a part as a view of the heap, without a copy. */
export function viewPart<B extends ArrayBufferLike>({
  block,
  start,
  length,
}: Part<B>): Uint8Array<B> {
  return new Uint8Array(block.heap.buffer, start, length);
}

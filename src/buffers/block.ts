import { NULL, type Ptr } from "../index.js";
import type { ByteHeap } from "./heap.js";

/** A block of a heap that slices share. The last slice to leave frees it. */
export class Block<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly heap: ByteHeap<B>;
  ptr: Ptr;
  holders: number;

  constructor(heap: ByteHeap<B>, ptr: Ptr, holders: number = 0) {
    this.heap = heap;
    this.ptr = ptr;
    this.holders = holders;
  }

  leave(): void {
    this.holders--;
    if (this.holders > 0) return;
    const { ptr } = this;
    this.ptr = NULL;
    this.heap.free(ptr);
  }
}

/**
 * Successive bytes of a block, in a list of parts. `start` is their offset in the buffer of the
 * heap, and `at` counts the bytes of the list before them.
 */
export interface Part<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly block: Block<B>;
  readonly start: number;
  readonly length: number;
  readonly at: number;
}

/** Returns the index of the part that has a position, which must lie in the list. */
export function findPart(parts: readonly Part[], position: number): number {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((parts[middle] as Part).at <= position) low = middle;
    else high = middle - 1;
  }
  return low;
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

import { NULL, type Ptr } from "../index.js";
import type { ByteHeap } from "./heap.js";

/** A block of a heap that several slices share. The last one to leave frees it. */
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

/** Bytes of a block that follow one another; `start` is where they are in the heap. */
export interface Part<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly block: Block<B>;
  readonly start: number;
  readonly length: number;
}

export function lengthOf(parts: readonly Part[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

/** The parts between two positions, which lie within them. Nobody holds them yet. */
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

export function hold(parts: readonly Part[]): void {
  for (const { block } of parts) block.holders++;
}

/** All of them, whatever one throws: a block that the program has freed by its ptr, for example. */
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

export function viewPart<B extends ArrayBufferLike>({
  block,
  start,
  length,
}: Part<B>): Uint8Array<B> {
  return new Uint8Array(block.heap.buffer, start, length);
}

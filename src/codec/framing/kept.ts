import {
  Block,
  type Bytes,
  type BytesPool,
  joinParts,
  shareBlock,
} from "../../buffers/internal.js";
import { NULL, type Ptr } from "../../index.js";
import { cutArray } from "../checks.js";
import { largestBlock } from "../largestBlock.js";

/** The least bytes of a block. */
export const LEAST_BYTES = 256;

/**
 * The beginning of a frame that continues in the next chunk, as a copy in one block. The block
 * grows with what has come, not with what a header promises, so a peer that promises much and sends
 * little gets little. However small the chunks are, the block has at most twice their bytes (or
 * 256).
 */
export class Kept<B extends ArrayBufferLike = ArrayBufferLike> {
  length: number;
  ptr: Ptr;
  private readonly pool: BytesPool<B>;
  private blockBytes: number;
  /** The most bytes that a block can have. */
  readonly largest: number;

  constructor(pool: BytesPool<B>) {
    this.length = 0;
    this.ptr = NULL;
    this.pool = pool;
    this.blockBytes = 0;
    this.largest = largestBlock(pool.heap);
  }

  /** Copies the bytes from `start` to `end` of a frame that has at most `most` bytes. */
  append(source: Uint8Array, start: number, end: number, most: number): void {
    this.lay(source, start, end, most);
    this.length += end - start;
  }

  /** Copies bytes behind those that are kept, to be looked at in one piece. They are not kept. */
  lay(source: Uint8Array, start: number, end: number, most: number): void {
    const { heap } = this.pool;
    const length = this.length + end - start;
    if (length > this.blockBytes) {
      this.grow(length, Math.min(most, Math.max(LEAST_BYTES, 2 * length)));
    }
    const to = this.ptr + this.length;
    if (source === heap.u8) heap.u8.copyWithin(to, start, end);
    else heap.u8.set(cutArray(source, start, end), to);
  }

  /**
   * Returns the first `length` bytes without `head` bytes at their start and `tail` bytes at their
   * end. If what is left is shorter than `copyBelow`, the block is cut to what it needs.
   */
  take(head: number, tail: number, copyBelow: number, length: number = this.length): Bytes<B> {
    const { pool } = this;
    const bytes = length - head - tail;
    if (bytes === 0) {
      pool.heap.free(this.detach(length));
      return joinParts(pool, [], false);
    }
    if (bytes < copyBelow && this.blockBytes > this.length) this.grow(this.length, this.length);
    const ptr = this.detach(length);
    return shareBlock(pool, new Block(pool.heap, ptr), ptr + head, bytes, false);
  }

  /** Gives the block with the first `length` bytes to the caller, who frees it. Keeps the rest. */
  detach(length: number = this.length): Ptr {
    const { ptr } = this;
    const rest = this.length - length;
    if (rest === 0) {
      this.forget();
      return ptr;
    }
    const { heap } = this.pool;
    const to = heap.malloc(rest);
    heap.u8.copyWithin(to, ptr + length, ptr + this.length);
    this.ptr = to;
    this.length = rest;
    this.blockBytes = rest;
    return ptr;
  }

  /** Frees what was kept. */
  clear(): void {
    const { ptr } = this;
    this.forget();
    this.pool.heap.free(ptr);
  }

  private grow(least: number, wanted: number): void {
    const { heap } = this.pool;
    this.blockBytes = wanted;
    try {
      this.ptr = heap.realloc(this.ptr, wanted);
    } catch {
      this.ptr = heap.realloc(this.ptr, least);
      this.blockBytes = least;
    }
  }

  private forget(): void {
    this.ptr = NULL;
    this.length = 0;
    this.blockBytes = 0;
  }
}

import { Block, type Bytes, type BytesPool } from "../../buffers/internal.js";
import { NULL, type Ptr } from "../../index.js";

const LEAST_BYTES = 256;

/**
 * What has come of a frame that goes on in the next chunk: a copy in one block. It grows with what
 * has come, not with what a header promises, so that who promises much and sends little gets
 * little; and however small the chunks are, it has at most twice their bytes.
 */
export class Kept<B extends ArrayBufferLike = ArrayBufferLike> {
  length: number;
  ptr: Ptr;
  private readonly pool: BytesPool<B>;
  private capacity: number;

  constructor(pool: BytesPool<B>) {
    this.length = 0;
    this.ptr = NULL;
    this.pool = pool;
    this.capacity = 0;
  }

  /** Copies bytes in, of a frame that has `most` at the most. */
  append(source: Uint8Array, start: number, end: number, most: number): void {
    const { heap } = this.pool;
    const length = this.length + end - start;
    if (length > this.capacity) {
      this.grow(length, Math.min(most, Math.max(LEAST_BYTES, 2 * length)));
    }
    const to = this.ptr + this.length;
    if (source === heap.u8) heap.u8.copyWithin(to, start, end);
    else heap.u8.set(source.subarray(start, end), to);
    this.length = length;
  }

  /** What was kept, but for bytes at the head and at the tail. */
  take(head: number, tail: number): Bytes<B> {
    const { pool, ptr } = this;
    const length = this.length - head - tail;
    if (length === 0) {
      this.clear();
      return pool.join([], false);
    }
    this.forget();
    return pool.join([{ block: new Block(pool.heap, ptr), start: ptr + head, length }], false);
  }

  clear(): void {
    const { ptr } = this;
    this.forget();
    this.pool.heap.free(ptr);
  }

  private grow(least: number, wanted: number): void {
    const { heap } = this.pool;
    this.capacity = wanted;
    try {
      this.ptr = heap.realloc(this.ptr, wanted);
    } catch {
      this.ptr = heap.realloc(this.ptr, least);
      this.capacity = least;
    }
  }

  private forget(): void {
    this.ptr = NULL;
    this.length = 0;
    this.capacity = 0;
  }
}

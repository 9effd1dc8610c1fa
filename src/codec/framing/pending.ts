import { type Bytes, isBytes } from "../../buffers/internal.js";
import { cutArray } from "../checks.js";

/** A chunk that a stream cuts frame by frame. It owns `Bytes`. */
export class Pending<B extends ArrayBufferLike = ArrayBufferLike> {
  chunk: Bytes<B> | Uint8Array;

  constructor(chunk: Bytes<B> | Uint8Array) {
    this.chunk = chunk;
  }

  /** Returns the first bytes, as many as are in one piece. There is at least one byte. */
  front(): Uint8Array {
    const { chunk } = this;
    if (!isBytes(chunk)) return chunk;
    for (const view of chunk.chunks()) if (view.length > 0) return view;
    return new Uint8Array(0);
  }

  /** Takes the first `count` bytes out of the chunk. `Bytes` are released by the caller. */
  take(count: number): Bytes<B> | Uint8Array {
    const { chunk } = this;
    if (isBytes(chunk)) return chunk.split(count);
    this.chunk = cutArray(chunk, count, chunk.length);
    return cutArray(chunk, 0, count);
  }

  skip(count: number): void {
    const skipped = this.take(count);
    if (isBytes(skipped)) skipped.release();
  }

  release(): void {
    if (isBytes(this.chunk)) this.chunk.release();
  }
}

import { invalid, truncatedFrame } from "../../buffers/errors.js";
import { Bytes, BytesPool, type Part } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { Kept } from "./kept.js";
import { type FrameStream, type Releasable, streamOf } from "./streams.js";

/**
 * Cuts a stream of bytes, which comes in chunks of any size, into frames.
 *
 * A frame that lies within one chunk of the pool's heap is a slice of it: nothing is copied. A
 * frame that goes on in the next chunk is copied into one block, as is one of a chunk that is not
 * in the heap; so every frame of a chunk of one part has a `view()`.
 *
 * Any error that `push` throws closes the framer, whether the bytes were wrong, the heap was full,
 * or `onFrame` threw: what is left of the chunk and what was kept is released, and every `push`
 * after that throws ERR_CLOSED until `reset`. A frame that `onFrame` was called with is the
 * receiver's in any case, even if it threw.
 */
export abstract class Framer<F extends Releasable, B extends ArrayBufferLike = ArrayBufferLike> {
  /** @internal */
  protected readonly pool: BytesPool<B>;
  /** @internal */
  protected readonly kept: Kept<B>;
  /** @internal Where the frame begins, in the stream. */
  protected start: number;
  /** @internal Bytes before and after what is handed out of a frame. */
  protected head: number;
  /** @internal */
  protected tail: number;
  private isClosed: boolean;
  private isPushing: boolean;
  /**
   * Changes when the framer is closed or reset, also by `onFrame`: the rest of the chunk is
   * dropped.
   */
  private run: number;

  constructor(pool: BytesPool<B>) {
    if (!(pool instanceof BytesPool)) throw invalid("pool", pool, "a BytesPool");
    this.pool = pool;
    this.kept = new Kept(pool);
    this.start = 0;
    this.head = 0;
    this.tail = 0;
    this.isClosed = false;
    this.isPushing = false;
    this.run = 0;
  }

  /** Bytes of the stream that have come. */
  get position(): number {
    return this.start + this.kept.length;
  }

  /** Bytes that are kept of a frame whose end has not come. */
  get keptBytes(): number {
    return this.kept.length;
  }

  /**
   * Takes the next bytes of the stream and calls `onFrame` with each frame that ends in them.
   * `Bytes` are the framer's from then on, and are released, also when it throws; a `Uint8Array`
   * stays the caller's. Each frame is released by who gets it. `onFrame` may call `reset` or
   * dispose of the framer: the rest of the chunk is dropped then. It may not call `push`.
   * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE, with a `position` in the stream and what
   * was expected; ERR_CLOSED after any error, after `end` and after disposal.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  push(chunk: Bytes<B> | Uint8Array, onFrame: (frame: F) => void): void {
    if (typeof onFrame !== "function") {
      if (chunk instanceof Bytes) chunk.release();
      throw invalid("onFrame", onFrame, "a function, which gets the frames");
    }
    if (chunk instanceof Bytes) {
      const { parts } = chunk;
      const isOurs = chunk.heap.buffer === this.pool.heap.buffer;
      const { u8 } = chunk.heap;
      try {
        this.open();
        const { run } = this;
        for (const part of parts) {
          const end = part.start + part.length;
          const source = isOurs ? this.pool.heap.u8 : u8;
          this.take(source, part.start, end, isOurs ? part : undefined, chunk.isFrozen, onFrame);
          if (run !== this.run) break;
        }
        this.isPushing = false;
      } catch (error) {
        this.fail(error);
      } finally {
        chunk.release();
      }
      return;
    }
    if (!(chunk instanceof Uint8Array)) {
      throw invalid("chunk", chunk, "Bytes or a Uint8Array");
    }
    try {
      this.open();
      this.take(chunk, 0, chunk.length, undefined, false, onFrame);
      this.isPushing = false;
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * The stream has ended. The framer is closed until `reset`.
   * @throws {BufferError} ERR_TRUNCATED when a frame is incomplete; ERR_CLOSED
   */
  end(): void {
    if (this.isClosed) throw closed();
    const { start } = this;
    const got = this.kept.length;
    const expected = got === 0 ? "" : this.expected();
    this.close();
    if (got > 0) throw truncatedFrame(start, got, expected);
  }

  /** Forgets what was kept. The next byte is the first one of a stream. */
  reset(): void {
    this.close();
    this.start = 0;
    this.isClosed = false;
  }

  /** Gives everything back to the heap, and closes the framer. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * A pair of web streams for `pipeThrough`: `Bytes` or `Uint8Array` in, frames out. The next chunk
   * is taken when all frames of the last one have been read. Frames that nobody has read when the
   * stream is cancelled or aborted are released. An error of the bytes comes after the frames
   * before it.
   */
  toTransformStream(): FrameStream {
    return streamOf<F, B>(this);
  }

  /**
   * @internal How many bytes from `at` on belong to the frame, of which `kept` has the beginning:
   * if it ends with them their number, else its negative, which is not 0. `head` and `tail` are set
   * when it ends.
   */
  protected abstract find(source: Uint8Array, at: number, end: number): number;

  /** @internal Whether what is kept is a whole frame, as one that is nothing but its header. */
  protected isWhole(): boolean {
    return false;
  }

  /** @internal The most bytes that the begun frame can have, as far as is known. */
  protected abstract most(): number;

  /** @internal What the begun frame lacks, in words. */
  protected abstract expected(): string;

  /** @internal The next byte is the first one of a frame. */
  protected abstract begin(): void;

  /** @internal What the receiver gets. If it throws, it has released the bytes. */
  protected abstract wrap(bytes: Bytes<B>): F;

  private open(): void {
    if (this.isPushing) {
      throw new BufferError("ERR_INVALID_ARGUMENT", "push was called by onFrame of another push");
    }
    if (this.isClosed) throw closed();
    this.isPushing = true;
  }

  private fail(error: unknown): never {
    this.isPushing = false;
    this.close();
    throw error;
  }

  private close(): void {
    this.run++;
    this.start += this.kept.length;
    this.kept.clear();
    this.begin();
    this.isClosed = true;
  }

  private take(
    source: Uint8Array,
    from: number,
    end: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
    onFrame: (frame: F) => void,
  ): void {
    const { kept, run } = this;
    let at = from;
    while (at < end && run === this.run) {
      let found = this.find(source, at, end);
      if (found < 0) {
        kept.append(source, at, at - found, this.most());
        at -= found;
        if (!this.isWhole()) continue;
        found = 0;
      }
      const length = kept.length + found;
      const frame = this.wrap(this.frame(source, at, found, part, isFrozen));
      at += found;
      this.start += length;
      this.begin();
      onFrame(frame);
    }
  }

  /** The frame that ends with `found` bytes from `at` on, but for its head and its tail. */
  private frame(
    source: Uint8Array,
    at: number,
    found: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
  ): Bytes<B> {
    const { kept, head, tail } = this;
    if (kept.length === 0) return this.cut(source, at + head, at + found - tail, part, isFrozen);
    kept.append(source, at, at + found, kept.length + found);
    return kept.take(head, tail);
  }

  private cut(
    source: Uint8Array,
    start: number,
    end: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
  ): Bytes<B> {
    const { pool } = this;
    if (start === end) return pool.join([], isFrozen);
    if (part === undefined) return pool.from(source.subarray(start, end));
    return pool.join([{ block: part.block, start, length: end - start }], isFrozen);
  }
}

function closed(): BufferError {
  return new BufferError("ERR_CLOSED", "this framer is closed; reset() opens it for a new stream");
}

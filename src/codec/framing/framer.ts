import { checkRange, invalid } from "../../buffers/errors.js";
import {
  Bytes,
  type BytesPool,
  heapOf,
  joinParts,
  type Part,
  partsOf,
  shareBlock,
} from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { checkPool, cutArray, frameTooLarge, isByteArray, truncatedFrame } from "../checks.js";
import { Kept } from "./kept.js";
import { type FrameStream, type Releasable, streamOf } from "./streams.js";

/** The most bytes that an option can allow a frame. */
export const FRAME_MAX_BYTES: number = 2 ** 31 - 1;

/**
 * Gets a frame of `scan`: the `length` bytes of `view` from `offset` on, until it returns. `first`
 * is the first byte of the header of a WebSocket frame, and 0 for all other frames.
 */
export type FrameScanner = (
  view: Uint8Array,
  offset: number,
  length: number,
  first: number,
) => unknown;

/**
 * Cuts a stream of bytes, which comes in chunks of any size, into frames.
 *
 * A frame that lies within one chunk of the pool's heap is a slice of that chunk, without a copy. A
 * frame that continues in the next chunk is copied to one block, and so is a frame of a chunk
 * outside of the heap. So every frame from chunks of one part has a `view()`.
 *
 * Any error that `push` throws closes the framer, whether the bytes were wrong, the heap was full
 * or `onFrame` threw. The rest of the chunk and what was kept are released, and every further
 * `push` is ERR_CLOSED until `reset`. A frame belongs to the receiver once `onFrame` is called with
 * it, even if `onFrame` throws.
 */
export abstract class Framer<F extends Releasable, B extends ArrayBufferLike = ArrayBufferLike> {
  /** @internal */
  protected readonly pool: BytesPool<B>;
  /** @internal */
  protected readonly kept: Kept<B>;
  /** @internal The position in the stream where the frame begins. */
  protected start: number;
  /** @internal The bytes of a frame before and after what is handed out. */
  protected head: number;
  /** @internal */
  protected tail: number;
  /** @internal What `scan` hands out beside the bytes. */
  protected first: number;
  /** @internal Whether the stream has ended by its protocol: what follows is ignored. */
  protected isOver: boolean;
  private isClosed: boolean;
  private isPushing: boolean;
  /**
   * Changes when the framer is closed or reset, which `onFrame` may do. The rest of the chunk is
   * dropped then.
   */
  private run: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>) {
    checkPool(pool);
    if (new.target === Framer) throw invalid("Framer", Framer, "a subclass, such as FixedFramer");
    this.pool = pool;
    this.kept = new Kept(pool);
    this.start = 0;
    this.head = 0;
    this.tail = 0;
    this.first = 0;
    this.isOver = false;
    this.isClosed = false;
    this.isPushing = false;
    this.run = 0;
  }

  /** How many bytes of the stream have come. */
  get position(): number {
    return this.start + this.kept.length;
  }

  /** How many bytes are kept of a frame whose end has not come. */
  get keptBytes(): number {
    return this.kept.length;
  }

  /**
   * Takes the next bytes of the stream and calls `onFrame` with each frame that ends in them. The
   * framer releases `Bytes`, even if it throws; it only reads a `Uint8Array`. `onFrame` releases
   * the frames. It may call `reset` or dispose of the framer, which drops the rest of the chunk,
   * but it may not call `push`.
   * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE, with a `position` in the stream and what
   * was expected there; ERR_CLOSED after any error, after `end` and after disposal
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  push(chunk: Bytes<B> | Uint8Array, onFrame: (frame: F) => void): void {
    if (typeof onFrame !== "function") {
      if (chunk instanceof Bytes) chunk.release();
      throw wrongReceiver(onFrame);
    }
    if (chunk instanceof Bytes) {
      const parts = partsOf(chunk);
      const { buffer, u8 } = heapOf(chunk);
      const isOurs = buffer === this.pool.heap.buffer;
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
    if (!isByteArray(chunk)) throw invalid("chunk", chunk, "Bytes or a Uint8Array");
    const { length } = chunk;
    if (length === 0) cutArray(chunk, 0, 0);
    try {
      this.open();
      this.take(chunk, 0, length, undefined, false, onFrame);
      this.isPushing = false;
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Takes the next bytes of the stream, as `push` does, without an object per frame: `length` bytes
   * of `view` from `offset` on. A frame within them is handed out in place, and one that was begun
   * before in the heap, from where it was kept. So a frame can only be used until `onFrame` returns
   * (or the array changes), and there is nothing to release.
   *
   * Returns how many of the bytes were taken: fewer than `length` if `onFrame` called `reset` or
   * disposed of the framer.
   * @throws what `push` throws; {BufferError} ERR_OUT_OF_RANGE unless the bytes lie in the view
   */
  scan(view: Uint8Array, offset: number, length: number, onFrame: FrameScanner): number {
    if (typeof onFrame !== "function") throw wrongReceiver(onFrame);
    if (!isByteArray(view)) throw invalid("view", view, "a Uint8Array");
    const size = view.length;
    checkRange("offset", offset, 0, size);
    checkRange("length", length, 0, size - offset);
    if (size === 0) cutArray(view, 0, 0);
    try {
      this.open();
      const end = this.scanTo(view, offset, offset + length, onFrame);
      this.isPushing = false;
      return end - offset;
    } catch (error) {
      return this.fail(error);
    }
  }

  /**
   * Ends the stream. The framer is closed until `reset`.
   * @throws {BufferError} ERR_TRUNCATED if a frame is incomplete; ERR_CLOSED
   */
  end(): void {
    if (this.isClosed) throw closed();
    const { start } = this;
    const got = this.kept.length;
    const expected = got === 0 ? "" : this.expected();
    this.close();
    if (got > 0) throw truncatedFrame(start, got, expected);
  }

  /** Frees what was kept and opens the framer. The next byte is the first one of a stream. */
  reset(): void {
    this.close();
    this.start = 0;
    this.isClosed = false;
  }

  /** Frees what was kept and closes the framer. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Returns a pair of web streams for `pipeThrough`, which takes `Bytes` or `Uint8Array`s and gives
   * frames. It takes the next chunk when all frames of the last one were read. If the stream is
   * cancelled or aborted, frames that nobody has read are released. An error of the bytes comes
   * after the frames before it.
   */
  toTransformStream(): FrameStream {
    return streamOf<F, B>(this);
  }

  /**
   * @internal Returns how many bytes from `at` on belong to the frame whose beginning is in `kept`:
   * the number if the frame ends with them, else the negative number, which is not 0. Sets `head`
   * and `tail` when the frame ends.
   */
  protected abstract find(source: Uint8Array, at: number, end: number): number;

  /** @internal Returns whether the kept bytes are a whole frame, such as a header alone. */
  protected isWhole(): boolean {
    return false;
  }

  /** @internal Returns the most bytes that the begun frame can have, as far as is known. */
  protected abstract most(): number;

  /** @internal Returns in words what the begun frame lacks. */
  protected abstract expected(): string;

  /** @internal Called when the next byte is the first one of a frame. */
  protected abstract begin(): void;

  /** @internal Returns what the receiver gets. If it throws, it has released the bytes. */
  protected abstract wrap(bytes: Bytes<B>): F;

  /** @internal Checks and decodes, in place, what `scan` hands out next. */
  protected admit(_source: Uint8Array, _start: number, _length: number): void {}

  /** @internal Returns the error for a frame that no block of the heap can hold. */
  protected tooLarge(got: number, details: Record<string, unknown> = {}): BufferError {
    const limit = ", which is the heap's largest block";
    return frameTooLarge(this.start, got, this.kept.largest, details, limit);
  }

  private open(): void {
    if (this.isPushing) {
      throw new BufferError(
        "ERR_INVALID_ARGUMENT",
        "onFrame called push or scan while one of them has not returned yet",
      );
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
    this.isOver = false;
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
    while (at < end && run === this.run && !this.isOver) {
      let found = this.find(source, at, end);
      if (found < 0) {
        const isWhole = this.keep(source, at, found);
        at -= found;
        if (!isWhole) continue;
        found = 0;
      }
      const length = kept.length + found;
      const frame = this.wrap(this.frame(source, at, found, part, isFrozen));
      at += found;
      this.start += length;
      this.begin();
      onFrame(frame);
    }
    if (this.isOver) this.start += end - at;
  }

  /** Hands out the frames that end before `end`. Returns how far it came. */
  private scanTo(source: Uint8Array, from: number, end: number, onFrame: FrameScanner): number {
    const { kept, run } = this;
    let at = from;
    while (at < end && run === this.run && !this.isOver) {
      const found = this.find(source, at, end);
      if (found < 0 || kept.length > 0) {
        at += this.scanKept(source, at, found, onFrame);
        continue;
      }
      const start = at + this.head;
      const length = found - this.head - this.tail;
      this.admit(source, start, length);
      at += found;
      this.start += found;
      this.begin();
      onFrame(source, start, length, this.first);
    }
    if (!this.isOver) return at;
    this.start += end - at;
    return end;
  }

  /** Keeps what `find` has found, and hands out the frame if it is whole. Returns how much. */
  private scanKept(source: Uint8Array, at: number, found: number, onFrame: FrameScanner): number {
    const { kept, pool } = this;
    const count = Math.abs(found);
    if (!this.keep(source, at, found)) return count;
    const { u8 } = pool.heap;
    const start = kept.ptr + this.head;
    const length = kept.length - this.head - this.tail;
    this.admit(u8, start, length);
    this.start += kept.length;
    // It is not kept from here on, because `onFrame` may close the framer.
    const ptr = kept.detach();
    try {
      this.begin();
      onFrame(u8, start, length, this.first);
    } finally {
      pool.heap.free(ptr);
    }
    return count;
  }

  /** Keeps what `find` has found. Returns whether the kept bytes are a whole frame. */
  private keep(source: Uint8Array, at: number, found: number): boolean {
    const { kept } = this;
    const count = Math.abs(found);
    const length = kept.length + count;
    const most = found < 0 ? Math.max(length, this.most()) : length;
    if (most > kept.largest) throw this.tooLarge(most);
    kept.append(source, at, at + count, most);
    if (found > 0 || this.isWhole()) return true;
    // The header may be whole only now.
    if (this.most() > kept.largest) throw this.tooLarge(this.most());
    return false;
  }

  /** Returns the frame that ends with `found` bytes from `at` on, without its head and tail. */
  private frame(
    source: Uint8Array,
    at: number,
    found: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
  ): Bytes<B> {
    const { kept, head, tail } = this;
    if (kept.length === 0) return this.cut(source, at + head, at + found - tail, part, isFrozen);
    if (found > 0) this.keep(source, at, found);
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
    if (start === end) return joinParts(pool, [], isFrozen);
    if (part === undefined && end - start > this.kept.largest) throw this.tooLarge(end - start);
    if (part === undefined) return pool.from(cutArray(source, start, end));
    return shareBlock(pool, part.block, start, end - start, isFrozen);
  }
}

function wrongReceiver(got: unknown): BufferError {
  return invalid("onFrame", got, "a function, which gets the frames");
}

function closed(): BufferError {
  return new BufferError("ERR_CLOSED", "this framer is closed; reset() opens it for a new stream");
}

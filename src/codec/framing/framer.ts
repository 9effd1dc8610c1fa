import { isByteArray } from "../../base/tag.js";
import { checkRange, invalid } from "../../buffers/errors.js";
import { type Bytes, type BytesPool, heapOf, isBytes, partsOf } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { cutArray, tooLarge, truncatedFrame } from "../checks.js";
import { Cutter, type FrameScanner } from "./cutter.js";
import { Pending } from "./pending.js";
import { type FrameStream, type Releasable, streamOf } from "./streams.js";

/**
 * Cuts a stream of bytes, which comes in chunks of any size, into frames.
 *
 * A frame that lies within one chunk of the pool's heap is a slice of that chunk, without a copy,
 * unless it is shorter than the option `copyBelow`. A frame that continues in the next chunk is
 * copied to one block, and so is a frame of a chunk outside of the heap. So every frame from chunks
 * of one part has a `view()`.
 *
 * Any error that `push` throws closes the framer, whether the bytes were wrong, the heap was full
 * or `onFrame` threw. The rest of the chunk and what was kept are released, and every further
 * `push` is ERR_CLOSED until `reset`. A frame belongs to the receiver once `onFrame` is called with
 * it, even if `onFrame` throws.
 */
export abstract class Framer<
  F extends Releasable,
  B extends ArrayBufferLike = ArrayBufferLike,
> extends Cutter<F, B> {
  private isClosed: boolean;
  private isPushing: boolean;
  /** The chunk that is cut, unless `onFrame` has dropped its rest. */
  private chunk: Bytes<B> | Uint8Array | undefined;
  /** The position in the stream of the chunk's index 0. */
  private chunkAt: number;
  private chunkEnd: number;
  /** What a stream has supplied and not cut yet. */
  private pending: Pending<B> | undefined;
  /** How many bytes of it end a frame; 0 if the kept bytes are one, -1 if that is not known. */
  private ready: number;
  /** What was found instead of a frame. The reader may never ask for it. */
  private failure: { readonly error: unknown } | undefined;
  private onRest: () => void;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, copyBelow: number = 0) {
    super(pool, copyBelow);
    if (new.target === Framer) throw invalid("Framer", Framer, "a subclass, such as FixedFramer");
    this.isClosed = false;
    this.isPushing = false;
    this.chunk = undefined;
    this.chunkAt = 0;
    this.chunkEnd = 0;
    this.pending = undefined;
    this.ready = -1;
    this.failure = undefined;
    this.onRest = () => {};
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
   * the frames. It may call `rest`, or else `reset` or dispose of the framer, which drops the
   * rest of the chunk. It may not call `push`.
   * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE, with a `position` in the stream and what
   * was expected there; ERR_CLOSED after any error, after `end` and after disposal
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  push(chunk: Bytes<B> | Uint8Array, onFrame: (frame: F) => void): void {
    if (typeof onFrame !== "function") {
      if (isBytes(chunk)) chunk.release();
      throw wrongReceiver(onFrame);
    }
    if (isBytes(chunk)) {
      const parts = partsOf(chunk);
      const { buffer, u8 } = heapOf(chunk);
      const isOurs = buffer === this.pool.heap.buffer;
      try {
        this.open(chunk, 0, chunk.length);
        const { run } = this;
        for (const part of parts) {
          const end = part.start + part.length;
          const source = isOurs ? this.pool.heap.u8 : u8;
          this.take(source, part.start, end, isOurs ? part : undefined, chunk.isFrozen, onFrame);
          if (run !== this.run) break;
        }
        this.leave();
      } catch (error) {
        this.fail(error);
      } finally {
        chunk.release();
      }
      return;
    }
    const length = checkChunk(chunk);
    try {
      this.open(chunk, 0, length);
      this.take(chunk, 0, length, undefined, false, onFrame);
      this.leave();
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
   * Returns how many of the bytes were taken: fewer than `length` if `onFrame` called `rest` or
   * `reset`, or disposed of the framer.
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
      this.open(view, offset, offset + length);
      const end = this.scanTo(view, offset, offset + length, onFrame);
      this.leave();
      return end - offset;
    } catch (error) {
      return this.fail(error);
    }
  }

  /**
   * Ends the work of this framer where another one goes on, as after a line that switches the
   * protocol. Returns what has come after the last frame, which the caller releases: within
   * `onFrame` the rest of the chunk, without a copy if it is in the heap. The framer is closed
   * until `reset`.
   * @throws {BufferError} ERR_CLOSED; ERR_TOO_LARGE for the rest of an array that the heap could
   * never hold
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  rest(): Bytes<B> {
    if (this.isClosed) throw closed();
    const { chunk, pending } = this;
    let rest: Bytes<B>;
    if (chunk !== undefined) rest = this.share(chunk, this.start - this.chunkAt, this.chunkEnd);
    else if (pending === undefined) rest = this.kept.take(0, 0, 0);
    else rest = this.restOf(pending.chunk);
    this.close();
    this.onRest();
    return rest;
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
   * frames. A frame is cut when it is read, and the next chunk is taken when all frames of the last
   * one were read. An error of the bytes comes after the frames before it, where the next frame is
   * read. If the stream is cancelled or aborted, what was not read is released. `rest` ends the
   * pair: the readable side closes, and writes fail with ERR_CLOSED.
   */
  toTransformStream(): FrameStream {
    return streamOf<F, B>(this);
  }

  /** @internal Calls `onRest` when the program takes the rest. */
  watchRest(onRest: () => void): void {
    this.onRest = onRest;
  }

  /**
   * @internal Takes over a chunk for a stream, which cuts a frame only when its reader asks for it:
   * until then the reader may decide that another framer is to have the rest.
   */
  supply(chunk: Bytes<B> | Uint8Array): void {
    if (this.isClosed && isBytes(chunk)) chunk.release();
    if (this.isClosed) throw closed();
    if (!isBytes(chunk)) checkChunk(chunk);
    this.pending = new Pending(chunk);
  }

  /**
   * @internal Returns whether `next` has a frame or an error. If not, all that was supplied is
   * kept.
   */
  hasNext(): boolean {
    const { pending } = this;
    if (this.ready >= 0 || this.failure !== undefined) return true;
    if (pending === undefined) return false;
    try {
      return this.advance(pending);
    } catch (error) {
      this.failure = { error };
      return true;
    }
  }

  /** @internal Returns the next frame, after `hasNext`. */
  next(): F {
    const { ready, pending, kept, failure } = this;
    if (failure !== undefined) this.fail(failure.error);
    if (pending === undefined) throw closed();
    this.ready = -1;
    try {
      if (ready > 0) {
        const frames: F[] = [];
        this.push(pending.take(ready), (frame) => frames.push(frame));
        return frames[0] as F;
      }
      const { length } = kept;
      const frame = this.wrap(kept.take(this.head, this.tail, this.copyBelow));
      this.start += length;
      this.begin();
      return frame;
    } catch (error) {
      return this.fail(error);
    }
  }

  private advance(pending: Pending<B>): boolean {
    while (pending.chunk.length > 0 && !this.isOver) {
      const front = pending.front();
      const found = this.find(front, 0, front.length);
      if (found > 0 || this.keepFront(pending, front, found)) {
        this.ready = Math.max(0, found);
        return true;
      }
    }
    this.start += pending.chunk.length;
    this.pending = undefined;
    pending.release();
    return false;
  }

  private keepFront(pending: Pending<B>, front: Uint8Array, found: number): boolean {
    const before = this.kept.length;
    try {
      return this.keep(front, 0, found);
    } finally {
      pending.skip(this.kept.length - before);
    }
  }

  /** Takes a chunk, of which the bytes from `from` to `end` come next. */
  private open(chunk: Bytes<B> | Uint8Array, from: number, end: number): void {
    if (this.isPushing) {
      throw new BufferError(
        "ERR_INVALID_ARGUMENT",
        "onFrame called push or scan while one of them has not returned yet",
      );
    }
    if (this.isClosed) throw closed();
    this.isPushing = true;
    this.chunk = chunk;
    this.chunkAt = this.position - from;
    this.chunkEnd = end;
  }

  private leave(): void {
    this.isPushing = false;
    this.chunk = undefined;
  }

  /** Returns what is kept and what was not cut yet. */
  private restOf(chunk: Bytes<B> | Uint8Array): Bytes<B> {
    const after = this.share(chunk, 0, chunk.length);
    if (this.kept.length === 0) return after;
    const before = this.kept.take(0, 0, 0);
    try {
      return before.concat(after);
    } finally {
      before.release();
      after.release();
    }
  }

  /** Returns bytes of a chunk as a slice, or as a copy if they are not in the heap. */
  private share(chunk: Bytes<B> | Uint8Array, from: number, end: number): Bytes<B> {
    const { pool, start, kept } = this;
    if (isBytes(chunk) && heapOf(chunk).buffer === pool.heap.buffer) return chunk.slice(from, end);
    const length = end - from;
    if (length > kept.largest) throw tooLarge("the rest", start, length, kept.largest);
    if (!isBytes(chunk)) return pool.from(cutArray(chunk, from, end));
    const copy = pool.allocUnsafe(length);
    chunk.copyTo(copy.view(), 0, from, end);
    return copy;
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
    this.chunk = undefined;
    this.pending?.release();
    this.pending = undefined;
    this.ready = -1;
    this.failure = undefined;
    this.isOver = false;
    this.begin();
    this.isClosed = true;
  }
}

/** Returns the length of an array that was not detached. */
function checkChunk(chunk: unknown): number {
  if (!isByteArray(chunk)) throw invalid("chunk", chunk, "Bytes or a Uint8Array");
  if (chunk.length === 0) cutArray(chunk, 0, 0);
  return chunk.length;
}

function wrongReceiver(got: unknown): BufferError {
  return invalid("onFrame", got, "a function, which gets the frames");
}

function closed(): BufferError {
  return new BufferError("ERR_CLOSED", "this framer is closed; reset() opens it for a new stream");
}

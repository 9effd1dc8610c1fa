import { isByteArray } from "../../base/tag.js";
import { checkRange, invalid } from "../../buffers/errors.js";
import { type Bytes, type BytesPool, heapOf, isBytes, partsOf } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { cutArray, tooLarge } from "../checks.js";
import type { FrameScanner } from "./cutter.js";
import { type FrameStream, type Releasable, streamOf } from "./streams.js";
import { checkChunk, closed, Supplied } from "./supplied.js";

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
 *
 * `framerOf` makes a framer of one's own. This class cannot be extended.
 */
export abstract class Framer<
  F extends Releasable = Bytes,
  B extends ArrayBufferLike = ArrayBufferLike,
> extends Supplied<F, B> {
  private isPushing: boolean;
  /** The chunk that is cut, unless `onFrame` has dropped its rest. */
  private chunk: Bytes<B> | Uint8Array | undefined;
  /** The position in the stream of the chunk's index 0. */
  private chunkAt: number;
  private chunkEnd: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, copyBelow: number = 0) {
    super(pool, copyBelow);
    if (!PARTS.every((name) => typeof this[name as keyof this] === "function")) {
      const message = "Framer cannot be extended; framerOf() makes a framer of your own";
      throw new BufferError("ERR_INVALID_ARGUMENT", message);
    }
    this.isPushing = false;
    this.chunk = undefined;
    this.chunkAt = 0;
    this.chunkEnd = 0;
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
    this.checkFree();
    const { chunk, kept, pending } = this;
    let rest: Bytes<B>;
    if (chunk !== undefined) {
      rest = this.restOf(chunk, this.position - this.chunkAt, this.chunkEnd);
    } else if (pending !== undefined) {
      rest = this.restOf(pending.chunk, 0, pending.chunk.length);
    } else {
      rest = kept.take(0, 0, 0);
    }
    this.close();
    this.onRest();
    return rest;
  }

  /**
   * Ends the stream, and calls `onFrame` with each frame that ends with it: one without a delimiter
   * if the framer has `unended: "frame"`, or one whose delimiter could have been longer. `onFrame`
   * may do what it may within `push`. The framer is closed until `reset`.
   * @throws {BufferError} ERR_TRUNCATED if a frame is incomplete; ERR_INVALID_ARGUMENT if there is
   * a frame and no `onFrame`, and then nothing has changed; ERR_CLOSED
   */
  end(onFrame?: (frame: F) => void): void {
    this.finish(onFrame, () => onFrame?.(this.keptFrame()));
  }

  /** Does what `end` does, and hands frames out as `scan` does. @throws what `end` throws */
  endScan(onFrame?: FrameScanner): void {
    this.finish(onFrame, () => this.scanKept(onFrame as FrameScanner));
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

  /** @internal Lets `push` or `scan` end after the frame that it hands out. */
  pause(): void {
    this.run++;
  }

  /** @internal Returns what is kept, and closes the framer. */
  takeKept(): Bytes<B> {
    this.checkFree();
    const { kept } = this;
    const bytes = kept.take(0, 0, 0);
    this.close();
    return bytes;
  }

  private finish(onFrame: unknown, hand: () => void): void {
    if (this.isClosed) throw closed();
    this.checkFree();
    const { kept, run } = this;
    const isMissing = onFrame === undefined && kept.length > 0 && this.last() > 0;
    if (isMissing || (onFrame !== undefined && typeof onFrame !== "function")) {
      throw wrongReceiver(onFrame);
    }
    this.isPushing = true;
    try {
      while (this.isBegun && run === this.run) {
        this.findLast();
        hand();
      }
    } catch (error) {
      this.fail(error);
    }
    this.isPushing = false;
    if (run === this.run) this.close();
  }

  /** Takes a chunk, of which the bytes from `from` to `end` come next. */
  private open(chunk: Bytes<B> | Uint8Array, from: number, end: number): void {
    this.checkFree();
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

  /** Returns what is kept, and the bytes of a chunk that were not cut yet. */
  private restOf(chunk: Bytes<B> | Uint8Array, from: number, end: number): Bytes<B> {
    const after = this.share(chunk, from, end);
    const { kept } = this;
    if (kept.length === 0) return after;
    const before = kept.take(0, 0, 0);
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

  /** @internal */
  protected override fail(error: unknown): never {
    this.isPushing = false;
    this.close();
    throw error;
  }

  private close(): void {
    this.checkFree();
    this.run++;
    this.start += this.kept.length;
    this.kept.clear();
    this.chunk = undefined;
    this.drop();
    this.isOver = false;
    this.begin();
    this.isClosed = true;
  }
}

/** What every framer has for this class. */
const PARTS = ["find", "most", "expected", "begin", "wrap"];

function wrongReceiver(got: unknown): BufferError {
  return invalid("onFrame", got, "a function, which gets the frames");
}

import { isByteArray } from "../../base/tag.js";
import { invalid } from "../../buffers/errors.js";
import {
  type Bytes,
  type BytesPool,
  heapOf,
  isBytes,
  type Part,
  partsOf,
} from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { cutArray, truncatedFrame } from "../checks.js";
import { Cutter } from "./cutter.js";
import { Pending } from "./pending.js";

/** Cuts what a stream supplies, one frame when its reader asks for it. */
export abstract class Supplied<F, B extends ArrayBufferLike = ArrayBufferLike> extends Cutter<
  F,
  B
> {
  /** @internal Whether a function of the program that finds frames is running. */
  protected isFinding: boolean;
  /** @internal */
  protected isClosed: boolean;
  /** @internal What a stream has supplied and not cut yet. */
  protected pending: Pending<B> | undefined;
  /** Whether it has supplied all of its chunks. */
  private isLast: boolean;
  /** How many bytes of it end a frame; 0 if the kept bytes are one, -1 if that is not known. */
  private ready: number;
  /** What was found instead of a frame. The reader may never ask for it. */
  private failure: { readonly error: unknown } | undefined;
  /** @internal */
  protected onRest: () => void;

  constructor(pool: BytesPool<B>, copyBelow: number) {
    super(pool, copyBelow);
    this.isFinding = false;
    this.isClosed = false;
    this.pending = undefined;
    this.isLast = false;
    this.ready = -1;
    this.failure = undefined;
    this.onRest = () => {};
  }

  /** @internal Closes the framer. */
  protected abstract fail(error: unknown): never;

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

  /** @internal Notes that a stream supplies nothing more. */
  supplyLast(): void {
    if (this.isClosed) throw closed();
    this.isLast = true;
  }

  /**
   * @internal Returns whether `next` has a frame or an error. If not, all that was supplied is
   * kept, or handed out if it was the last.
   */
  hasNext(): boolean {
    const { pending } = this;
    if (this.ready >= 0 || this.failure !== undefined) return true;
    try {
      if (pending !== undefined && this.advance(pending)) return true;
      if (!this.isLast || !this.isBegun) return false;
      this.findLast();
      this.ready = 0;
      return true;
    } catch (error) {
      this.failure = { error };
      return true;
    }
  }

  /** @internal Returns the next frame, after `hasNext`. */
  next(): F {
    const { ready, pending, failure } = this;
    if (failure !== undefined) this.fail(failure.error);
    if (ready < 0) throw closed();
    this.ready = -1;
    try {
      return this.cutNext(pending, ready);
    } catch (error) {
      return this.fail(error);
    }
  }

  /** @internal Returns the frame that ends with `ready` bytes of what is pending. */
  protected cutNext(pending: Pending<B> | undefined, ready: number): F {
    if (ready === 0 || pending === undefined) return this.keptFrame();
    return this.frameOf(pending.take(ready));
  }

  /** @internal Drops what a stream has supplied. */
  protected drop(): void {
    this.pending?.release();
    this.pending = undefined;
    this.isLast = false;
    this.ready = -1;
    this.failure = undefined;
  }

  /** @internal Whether something has come of a frame whose end has not. */
  protected get isBegun(): boolean {
    return this.kept.length > 0;
  }

  /** @internal @throws {BufferError} ERR_TRUNCATED unless the kept bytes are a last frame */
  protected findLast(): void {
    this.whole = this.last();
    if (this.whole === 0) throw truncatedFrame(this.start, this.kept.length, this.expected());
  }

  /** @internal @throws {BufferError} ERR_INVALID_ARGUMENT within a function that finds a frame */
  protected checkFree(): void {
    if (!this.isFinding) return;
    const message = "the framer was used within the function that finds its frames";
    throw new BufferError("ERR_INVALID_ARGUMENT", message);
  }

  /** Returns the frame that ends with a chunk, which is released. */
  private frameOf(chunk: Bytes<B> | Uint8Array): F {
    if (!isBytes(chunk)) return this.frameAt(chunk, 0, chunk.length, undefined, false);
    try {
      const part = partsOf(chunk).find(({ length }) => length > 0) as Part<B>;
      const { u8 } = heapOf(chunk);
      const shared = u8.buffer === this.pool.heap.buffer ? part : undefined;
      const source = shared === undefined ? u8 : this.pool.heap.u8;
      return this.frameAt(source, part.start, part.length, shared, chunk.isFrozen);
    } finally {
      chunk.release();
    }
  }

  private advance(pending: Pending<B>): boolean {
    while (pending.chunk.length > 0 && !this.isOver) {
      this.ready = this.cutFront(pending);
      if (this.ready >= 0) return true;
    }
    this.start += pending.chunk.length;
    this.pending = undefined;
    pending.release();
    return false;
  }

  /**
   * @internal Looks at the first bytes of what is pending. Returns how many of them end a frame, 0
   * if it is kept whole, and -1 if there is none yet: then they were kept.
   */
  protected cutFront(pending: Pending<B>): number {
    const front = pending.front();
    const found = this.find(front, 0, front.length);
    return found >= 0 || this.keepFront(pending, front, found) ? Math.max(0, found) : -1;
  }

  private keepFront(pending: Pending<B>, front: Uint8Array, found: number): boolean {
    const before = this.kept.length;
    try {
      return this.keep(front, 0, found);
    } finally {
      pending.skip(this.kept.length - before);
    }
  }
}

/** Returns the length of an array that was not detached. */
export function checkChunk(chunk: unknown): number {
  if (!isByteArray(chunk)) throw invalid("chunk", chunk, "Bytes or a Uint8Array");
  if (chunk.length === 0) cutArray(chunk, 0, 0);
  return chunk.length;
}

export function closed(): BufferError {
  return new BufferError("ERR_CLOSED", "this framer is closed; reset() opens it for a new stream");
}

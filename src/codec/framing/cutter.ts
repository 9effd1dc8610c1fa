import {
  type Bytes,
  type BytesPool,
  joinParts,
  type Part,
  shareBlock,
} from "../../buffers/internal.js";
import type { BufferError } from "../../index.js";
import { checkIntegerOption, checkPool, frameTooLarge } from "../checks.js";
import { Kept } from "./kept.js";

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

/** What every framer accepts. */
export interface FramerOptions {
  /**
   * A frame of fewer bytes is copied to a block of its own. Default 0: every frame that lies within
   * a chunk shares the chunk's block, and keeps all of it alive.
   */
  readonly copyBelow?: number | undefined;
}

/** Finds frames in successive bytes and hands them out. It keeps what is begun. */
export abstract class Cutter<F, B extends ArrayBufferLike = ArrayBufferLike> {
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
  /** @internal How many of the kept bytes are a frame, when that is known. */
  protected whole: number;
  /** @internal What `scan` hands out beside the bytes. */
  protected first: number;
  /** @internal A frame of fewer bytes gets a block of its own. */
  protected readonly copyBelow: number;
  /** @internal Whether the stream has ended by its protocol: what follows is ignored. */
  protected isOver: boolean;
  /**
   * @internal Changes when the framer is closed or reset, which `onFrame` may do. The rest of the
   * chunk is dropped then.
   */
  protected run: number;

  constructor(pool: BytesPool<B>, copyBelow: number) {
    checkPool(pool);
    checkIntegerOption("copyBelow", copyBelow, 0, FRAME_MAX_BYTES);
    this.pool = pool;
    this.kept = new Kept(pool);
    this.start = 0;
    this.head = 0;
    this.tail = 0;
    this.whole = 0;
    this.first = 0;
    this.copyBelow = copyBelow;
    this.isOver = false;
    this.run = 0;
  }

  /**
   * @internal Returns how many bytes from `at` on belong to the frame whose beginning is in `kept`:
   * the number if the frame ends with them, else the negative number. Returns 0 if the frame ends
   * before them, and sets `whole`: what was kept behind its end is the next frame's. Sets `head`
   * and `tail` when the frame ends.
   */
  protected abstract find(source: Uint8Array, at: number, end: number): number;

  /** @internal Returns how many of the kept bytes are a frame if nothing follows them, or 0. */
  protected last(): number {
    return 0;
  }

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

  /** @internal Returns the frame of a copy of what `scan` has handed out. */
  dress(bytes: Bytes<B>, _first: number): F {
    return bytes as unknown as F;
  }

  /** @internal Checks and decodes, in place, what `scan` hands out next. */
  protected admit(_source: Uint8Array, _start: number, _length: number): void {}

  /** @internal Returns the error for a frame that no block of the heap can hold. */
  protected tooLarge(got: number, details: Record<string, unknown> = {}): BufferError {
    const limit = ", which is the heap's largest block";
    return frameTooLarge(this.start, got, this.kept.largest, details, limit);
  }

  /** @internal Hands out the frames that end before `end`, as objects. */
  protected take(
    source: Uint8Array,
    from: number,
    end: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
    onFrame: (frame: F) => void,
  ): void {
    const { run } = this;
    let at = from;
    while (at < end && run === this.run && !this.isOver) {
      const found = this.find(source, at, end);
      const start = at;
      at += Math.abs(found);
      if (found >= 0) onFrame(this.frameAt(source, start, found, part, isFrozen));
      else if (this.keep(source, start, found)) onFrame(this.keptFrame());
    }
    if (this.isOver) this.start += end - at;
  }

  /** @internal Returns the frame that ends with `found` bytes from `at` on. */
  protected frameAt(
    source: Uint8Array,
    at: number,
    found: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
  ): F {
    if (this.kept.length > 0) {
      if (found > 0) this.keep(source, at, found);
      return this.keptFrame();
    }
    const { head, tail } = this;
    const frame = this.wrap(this.cut(source, at + head, at + found - tail, part, isFrozen));
    this.start += found;
    this.begin();
    return frame;
  }

  /** @internal Returns the frame of the `whole` bytes that are kept. */
  protected keptFrame(): F {
    const { kept, whole } = this;
    const frame = this.wrap(kept.take(this.head, this.tail, this.copyBelow, whole));
    this.start += whole;
    this.begin();
    return frame;
  }

  /** @internal Hands them out in place. Returns how far it came. */
  protected scanTo(source: Uint8Array, from: number, end: number, onFrame: FrameScanner): number {
    const { kept, run } = this;
    let at = from;
    while (at < end && run === this.run && !this.isOver) {
      const found = this.find(source, at, end);
      if (found <= 0 || kept.length > 0) {
        const start = at;
        at += Math.abs(found);
        if (found === 0 || this.keep(source, start, found)) this.scanKept(onFrame);
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

  /** @internal Hands out the frame of the `whole` bytes that are kept, where they are. */
  protected scanKept(onFrame: FrameScanner): void {
    const { kept, pool, whole } = this;
    const { u8 } = pool.heap;
    const start = kept.ptr + this.head;
    const length = whole - this.head - this.tail;
    this.admit(u8, start, length);
    // It is not kept from here on, because `onFrame` may close the framer.
    const ptr = kept.detach(whole);
    this.start += whole;
    try {
      this.begin();
      onFrame(u8, start, length, this.first);
    } finally {
      pool.heap.free(ptr);
    }
  }

  /** @internal Keeps what `find` has found. Returns whether the kept bytes are a whole frame. */
  protected keep(source: Uint8Array, at: number, found: number): boolean {
    const { kept } = this;
    const count = Math.abs(found);
    const length = kept.length + count;
    const most = found < 0 ? Math.max(length, this.most()) : length;
    if (most > kept.largest) throw this.tooLarge(most);
    kept.append(source, at, at + count, most);
    this.whole = length;
    if (found > 0 || this.isWhole()) return true;
    // The header may be whole only now.
    if (this.most() > kept.largest) throw this.tooLarge(this.most());
    return false;
  }

  private cut(
    source: Uint8Array,
    start: number,
    end: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
  ): Bytes<B> {
    const { pool, kept } = this;
    const length = end - start;
    if (length === 0) return joinParts(pool, [], isFrozen);
    if (part !== undefined && length >= this.copyBelow) {
      return shareBlock(pool, part.block, start, length, isFrozen);
    }
    if (length > kept.largest) throw this.tooLarge(length);
    kept.append(source, start, end, length);
    return kept.take(0, 0, 0);
  }
}

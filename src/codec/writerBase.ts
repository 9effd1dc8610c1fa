import { checkWhole, outOfRange } from "../buffers/errors.js";
import {
  type Block,
  type ByteHeap,
  type Bytes,
  BytesPool,
  checkBytes,
  type Part,
} from "../buffers/internal.js";
import {
  appendParts,
  checkAppend,
  dispose,
  finish,
  grow,
  place,
  reset,
  roomFor,
  viewOf,
} from "./writerCold.js";
import { checkOptions, type WriterOptions } from "./writerOptions.js";

/**
 * Where a writer is.
 *
 *        part             part              open block
 *     +-----------+   +---------+   +----------+----------+
 *     | closed    |   | closed  |   | written  | room     |
 *     +-----------+   +---------+   +----------+----------+
 *      <-------- base --------->    start      at         limit
 *
 * `start`, `at` and `limit` are positions in the heap; the length is `base + at - start`.
 */
export abstract class WriterBase<B extends ArrayBufferLike = ArrayBufferLike> {
  /** @internal */
  at: number;
  /** @internal */
  limit: number;
  /** @internal */
  readonly raw: Uint8Array<B>;
  /** @internal */
  readonly data: DataView<B>;
  /** @internal */
  start: number;
  /** @internal */
  base: number;
  /** @internal Bits of the byte before `bitAt` that are still free; of no meaning elsewhere. */
  bitsFree: number;
  /** @internal */
  bitAt: number;
  readonly heap: ByteHeap<B>;
  /** @internal */
  readonly pool: BytesPool<B>;
  /** @internal */
  readonly isChain: boolean;
  /** @internal */
  readonly initial: number;
  /** @internal */
  readonly maximum: number;
  /** @internal */
  block: Block<B> | undefined;
  /** @internal Bytes of `block`. */
  capacity: number;
  /** @internal */
  readonly closed: Part<B>[];
  /** @internal Those of `closed` that were appended: others share them. */
  readonly appended: Part<B>[];
  /** @internal */
  isFrozen: boolean;
  /** @internal */
  isDisposed: boolean;

  constructor(heap: ByteHeap<B>, options: WriterOptions<B> = {}) {
    const { initial, isChain, maximum } = checkOptions(heap, options);
    this.at = 0;
    this.limit = 0;
    this.raw = heap.u8;
    this.data = heap.dataView;
    this.start = 0;
    this.base = 0;
    this.bitsFree = 0;
    this.bitAt = -1;
    this.heap = heap;
    this.pool = options.pool ?? new BytesPool(heap);
    this.isChain = isChain;
    this.initial = initial;
    this.maximum = maximum;
    this.block = undefined;
    this.capacity = 0;
    this.closed = [];
    this.appended = [];
    this.isFrozen = false;
    this.isDisposed = false;
  }

  /** @internal A method, for its call is shorter bytecode than a function's: see WriterNumbers. */
  roomFor(field: string, value: unknown): number {
    return roomFor(this, field, value);
  }

  /** Bytes written so far. It is the position where the next ones go. */
  get length(): number {
    return this.base + this.at - this.start;
  }

  /**
   * What was written, as `Bytes`, to be released by their holder. The writer is empty then, and
   * goes on with a new block.
   */
  finish(): Bytes<B> {
    return finish(this);
  }

  /** Forgets what was written. The block is kept for what comes next. */
  reset(): void {
    if (this.base === 0) {
      this.at = this.start;
      this.bitsFree = 0;
    } else {
      reset(this);
    }
  }

  /** Gives everything back to the heap. A write of bytes after that throws ERR_CLOSED. */
  [Symbol.dispose](): void {
    dispose(this);
  }

  /**
   * What was written, as a view without a copy; valid until the next write, `finish` or `reset`.
   * @throws {BufferError} ERR_NOT_CONTIGUOUS of a chain.
   */
  view(): Uint8Array<B> {
    return viewOf(this);
  }

  /**
   * Takes bytes in, which stay their holder's. A writer that chains shares their blocks and copies
   * nothing; another copies them.
   */
  append(bytes: Bytes<B>): void {
    checkAppend(this, bytes, 0);
    appendParts(this, bytes);
  }

  /** Makes room of `count` bytes that are 0, to be patched later. Returns their position. */
  reserve(count: number): number {
    if (!Number.isInteger(count) || count < 0) throw outOfRange("reserve", count, 0, this.maximum);
    const at = this.at + count <= this.limit ? this.at : grow(this, count);
    const position = this.length;
    this.raw.fill(0, at, at + count);
    this.at = at + count;
    return position;
  }

  /** Writes over a byte that was written or reserved. @throws {BufferError} ERR_OUT_OF_RANGE */
  patchU8(position: number, value: number): void {
    checkWhole("patchU8", value, 0xff);
    this.raw[place(this, position, 1)] = value;
  }

  patchU16le(position: number, value: number): void {
    checkWhole("patchU16le", value, 0xffff);
    this.data.setUint16(place(this, position, 2), value, true);
  }

  patchU16be(position: number, value: number): void {
    checkWhole("patchU16be", value, 0xffff);
    this.data.setUint16(place(this, position, 2), value);
  }

  patchU24le(position: number, value: number): void {
    checkWhole("patchU24le", value, 0xffffff);
    const at = place(this, position, 3);
    this.data.setUint16(at, value & 0xffff, true);
    this.raw[at + 2] = value >>> 16;
  }

  patchU24be(position: number, value: number): void {
    checkWhole("patchU24be", value, 0xffffff);
    const at = place(this, position, 3);
    this.raw[at] = value >>> 16;
    this.data.setUint16(at + 1, value & 0xffff);
  }

  patchU32le(position: number, value: number): void {
    checkWhole("patchU32le", value, 0xffffffff);
    this.data.setUint32(place(this, position, 4), value, true);
  }

  patchU32be(position: number, value: number): void {
    checkWhole("patchU32be", value, 0xffffffff);
    this.data.setUint32(place(this, position, 4), value);
  }

  /** Writes over bytes that were written or reserved, in one piece. */
  patchBytes(position: number, bytes: Uint8Array): void {
    const { length } = checkBytes("bytes", bytes);
    this.raw.set(bytes, place(this, position, length));
  }
}

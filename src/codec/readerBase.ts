import { checkObject } from "../buffers/errors.js";
import type { Bytes, Part } from "../buffers/internal.js";
import {
  checkMaximum,
  goTo,
  keptBits,
  openArray,
  openBytes,
  seekBack,
  skipBytes,
  WHOLE,
} from "./readerCold.js";

/** What a reader of `S` gives of it without a copy. */
export type SliceOf<S> = S extends Bytes<infer B> ? Bytes<B> : Uint8Array;

export interface ReaderOptions {
  /** Most bytes of a string or of bytes with a prefix or terminator; more throws ERR_TOO_LARGE. */
  readonly maximum?: number;
  /** Malformed UTF-8 throws ERR_MALFORMED. Default false: it is read as U+FFFD. */
  readonly strict?: boolean;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Where a reader is. `at` and `end` are positions in the buffer that the bytes lie in, of the part
 * that is read; the position is `at + origin`. After a short read `end` is `at`, so that nothing
 * more is read; of a chain, the next part is taken when a read crosses the border.
 */
export abstract class ReaderBase<S extends Bytes | Uint8Array = Bytes | Uint8Array> {
  /** @internal */
  at: number;
  /** @internal */
  end: number;
  /** @internal */
  raw: Uint8Array;
  /** @internal */
  data: DataView;
  /** @internal What both are views of, when the source is a `Uint8Array`; else null. */
  buffer: ArrayBufferLike | null;
  /** @internal Its length when it was taken. */
  bufferBytes: number;
  /** @internal */
  origin: number;
  /** @internal */
  total: number;
  /** @internal Bytes that the first short read lacks. */
  lacking: number;
  /** @internal Of a chain; else empty. */
  parts: readonly Part[];
  /** @internal The index of the part that is read. */
  part: number;
  /** @internal The byte before `bitAt`, of which `bitsLeft` bits are not read yet. */
  bitByte: number;
  /** @internal */
  bitsLeft: number;
  /** @internal */
  bitAt: number;
  /** @internal */
  source: S;
  protected markAt: number;
  protected markBits: number;
  /** @internal */
  readonly maximum: number;
  /** @internal */
  readonly isStrict: boolean;

  constructor(source: S, options: ReaderOptions = {}) {
    const { maximum = Infinity, strict = false } = checkObject("options", options);
    checkMaximum(maximum);
    this.at = 0;
    this.end = 0;
    this.raw = NOTHING;
    this.data = new DataView(NOTHING.buffer);
    this.buffer = null;
    this.bufferBytes = 0;
    this.origin = 0;
    this.total = 0;
    this.lacking = 0;
    this.parts = WHOLE;
    this.part = 0;
    this.bitByte = 0;
    this.bitsLeft = 0;
    this.bitAt = -1;
    this.source = source;
    this.markAt = 0;
    this.markBits = 0;
    this.maximum = maximum;
    this.isStrict = strict;
    this.reset(source);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.at + this.origin;
  }

  /** Bytes that can be read; none after a short read, until `rewind`. */
  get remaining(): number {
    return this.lacking > 0 ? 0 : this.total - this.position;
  }

  /**
   * How many bytes the first short read lacked, at the least; 0 if there was none. A short read
   * does not move the position. It gives 0 or what is empty, and so does every read after it.
   */
  get missing(): number {
    return this.lacking;
  }

  /** Where `rewind` goes back to; at first it is the beginning. */
  mark(): void {
    this.markAt = this.position;
    this.markBits = keptBits(this);
  }

  /** Goes back to the mark, and forgets what was missing. */
  rewind(): void {
    this.lacking = 0;
    seekBack(this, this.markAt, this.markBits);
  }

  /**
   * Goes on to other bytes, from their beginning.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; the reader is as it was then.
   */
  reset(source: S): void {
    if (source instanceof Uint8Array) {
      const { buffer } = source;
      if (buffer !== this.buffer || !goTo(this, source)) openArray(this, source, buffer);
    } else {
      openBytes(this, source);
    }
    this.source = source;
    this.part = 0;
    this.lacking = 0;
    this.bitsLeft = 0;
    this.markAt = 0;
    this.markBits = 0;
    // Not -at, which of 0 is a double.
    this.origin = 0 - this.at;
  }

  /** Reads over bytes. */
  skip(count: number): void {
    if (Number.isInteger(count) && count >= 0 && this.at + count <= this.end) this.at += count;
    else skipBytes(this, count);
  }
}

import { checkObject, invalid } from "../../buffers/errors.js";
import { Bytes, type Part } from "../../buffers/internal.js";

/** What a reader of `S` gives of it without a copy. */
export type SliceOf<S> = S extends Bytes<infer B> ? Bytes<B> : Uint8Array;

export interface ReaderOptions {
  /** Most bytes of a string or of bytes with a prefix or terminator; more throws ERR_TOO_LARGE. */
  readonly maximum?: number;
  /** Malformed UTF-8 throws ERR_MALFORMED. Default false: it is read as U+FFFD. */
  readonly strict?: boolean;
}

const NOTHING: Uint8Array = new Uint8Array(0);
/** The parts of bytes that are no chain. */
const WHOLE: readonly Part[] = [];

/**
 * Where a reader is. `at` and `end` are positions in the buffer that the bytes lie in, of the part
 * that is read; the position is `at + origin`. After a short read `end` is `at`, so that nothing
 * more is read; of a chain, the next part is taken when a read crosses the border.
 */
export abstract class ReaderState<S extends Bytes | Uint8Array = Bytes | Uint8Array> {
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
}

/** Takes bytes of a heap. */
function openBytes(reader: ReaderState, source: unknown): void {
  if (!(source instanceof Bytes)) throw invalid("source", source, "Bytes or a Uint8Array");
  const { heap, parts, length } = source;
  reader.buffer = null;
  reader.raw = heap.u8;
  reader.data = heap.dataView;
  reader.parts = parts.length > 1 ? parts.slice() : WHOLE;
  reader.total = length;
  reader.at = parts[0]?.start ?? 0;
  reader.end = reader.at + (parts[0]?.length ?? 0);
}

/** Takes an array of another buffer than before. To ask for a buffer or an offset takes 10 ns. */
function openArray(reader: ReaderState, source: Uint8Array, buffer: ArrayBufferLike): void {
  const { length } = source;
  const all = buffer.byteLength;
  const isWhole = length === all;
  let data: DataView;
  try {
    data = new DataView(buffer, 0, all);
  } catch {
    throw invalid("source", source, "an array whose buffer was not transferred");
  }
  const at = isWhole ? 0 : source.byteOffset;
  reader.data = data;
  reader.raw = isWhole ? source : new Uint8Array(buffer, 0, all);
  reader.buffer = buffer;
  reader.bufferBytes = all;
  reader.parts = WHOLE;
  reader.total = length;
  reader.at = at;
  reader.end = at + length;
}

/** Takes another array of the same buffer, unless that has changed its length. */
function goTo(reader: ReaderState, source: Uint8Array): boolean {
  const { byteOffset, length } = source;
  const { bufferBytes, raw } = reader;
  if (raw.length !== bufferBytes || byteOffset + length > bufferBytes) return false;
  reader.parts = WHOLE;
  reader.total = length;
  reader.at = byteOffset;
  reader.end = byteOffset + length;
  return true;
}

export function checkMaximum(maximum: number): void {
  if (typeof maximum === "number" && maximum >= 0) return;
  throw invalid("maximum", maximum, "a number from 0");
}

import { isByteArray } from "../../base/tag.js";
import { checkRange, invalid } from "../../buffers/errors.js";
import {
  type Bytes,
  findPart,
  heapOf,
  isBytes,
  type Part,
  partsOf,
  startOf,
} from "../../buffers/internal.js";
import type { BufferError } from "../../index.js";
import { checkBoolean, checkNames } from "../checks.js";

/** What a reader of `S` returns without a copy: a slice of `Bytes`, a view of a `Uint8Array`. */
export type SliceOf<S> = S extends Bytes<infer B> ? Bytes<B> : Uint8Array;

/** What a reader of `S` can go on with: arrays of any buffer, if it reads one. */
export type SourceOf<S> = S extends Uint8Array ? Uint8Array : S;

/** What a reader accepts. */
export interface ReaderOptions {
  /**
   * The most bytes of a string, or of bytes, with a prefix or a terminator, and of elements that
   * are counted; more is ERR_TOO_LARGE. Default: no limit.
   */
  readonly maximum?: number | undefined;
  /** Whether malformed UTF-8 is ERR_MALFORMED. Default false: it is read as U+FFFD. */
  readonly strict?: boolean | undefined;
}

const NAMES: readonly (keyof ReaderOptions)[] = ["maximum", "strict"];
const NOTHING: Uint8Array = new Uint8Array(0);
/** The parts of bytes that are in one piece. */
const WHOLE: readonly Part[] = [];

/**
 * Where a reader is. `at` is an index in the buffer that holds the part that is read, and `end` is
 * the end of that part. The position in the bytes is `at + origin`. The next part of a chain is
 * opened when a read crosses the border. After a short read `end` is `at`, so that nothing more is
 * read.
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
  /** @internal The buffer under both, if the source is a `Uint8Array`; else null. */
  buffer: ArrayBufferLike | null;
  /** @internal Its length when it was opened. */
  bufferBytes: number;
  /** @internal */
  origin: number;
  /** @internal */
  total: number;
  /** @internal How many bytes the first short read lacks. */
  lacking: number;
  /** @internal The parts of a chain; else empty. */
  parts: readonly Part[];
  /** @internal The index of the part that is read. */
  part: number;
  /** @internal The byte before `bitAt`. Its lowest `bitsLeft` bits are not read yet. */
  bitByte: number;
  /** @internal */
  bitsLeft: number;
  /** @internal */
  bitAt: number;
  /** @internal */
  source: Bytes | Uint8Array;
  /** @internal Its length when it was opened, of which `total` bytes from `offset` are read. */
  sourceBytes: number;
  /** @internal */
  offset: number;
  /** @internal */
  markAt: number;
  /** @internal */
  markBits: number;
  /** @internal */
  readonly maximum: number;
  /** @internal */
  readonly isStrict: boolean;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(source: S, options: ReaderOptions = {}) {
    const { maximum = Infinity, strict = false } = checkNames(options, NAMES);
    checkMaximum(maximum);
    checkBoolean("strict", strict);
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
    this.sourceBytes = 0;
    this.offset = 0;
    this.markAt = 0;
    this.markBits = 0;
    this.maximum = maximum;
    this.isStrict = strict;
    this.reset(source as SourceOf<S>);
  }

  /** How many bytes are read. */
  get position(): number {
    return this.at + this.origin;
  }

  /** How many bytes can be read; after a short read 0, until `rewind`. */
  get remaining(): number {
    return this.lacking > 0 ? 0 : this.total - this.position;
  }

  /**
   * How many bytes the first short read lacks at least; 0 if there was none. A short read does not
   * move the position. It returns 0 or an empty value, and so does every read after it.
   */
  get missing(): number {
    return this.lacking;
  }

  /** Whether no read was short. A loop over a count from the wire asks it in each turn. */
  get ok(): boolean {
    return this.lacking === 0;
  }

  /** Returns where the reader is, for `JSON.stringify`, which would read all of the memory. */
  toJSON(): { readonly position: number; readonly remaining: number; readonly missing: number } {
    const { position, remaining, missing } = this;
    return { position, remaining, missing };
  }

  /**
   * Begins to read other bytes: `length` bytes from `offset`, or else all that follow it. Position
   * 0 is at `offset`. It takes less than a new reader: for an array of the same buffer as before,
   * nothing is allocated.
   * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_OUT_OF_RANGE; the reader stays as it was
   */
  reset(source: SourceOf<S>, offset?: number, length?: number): void;
  reset(source: Bytes | Uint8Array, offset: number = 0, length?: number): void {
    const isWhole = offset === 0 && length === undefined;
    if (!isWhole && source === this.source && goOn(this, offset, length)) return;
    const count = isWhole ? 0 : checkWindow(source, offset, length);
    if (isByteArray(source)) {
      const { buffer } = source;
      if (buffer !== this.buffer || !goTo(this, source)) openArray(this, source, buffer);
    } else {
      openBytes(this, source);
    }
    this.source = source;
    this.sourceBytes = this.total;
    this.offset = offset;
    this.part = 0;
    this.lacking = 0;
    this.bitsLeft = 0;
    this.markAt = 0;
    this.markBits = 0;
    if (!isWhole) narrow(this, offset, count);
    // Not -at, because -0 is a double.
    this.origin = 0 - this.at;
  }
}

/**
 * Goes to another place of the same array, as for each of the frames that lie in one. Returns false
 * if there is more to check.
 */
function goOn(reader: ReaderState, offset: number, length: number | undefined): boolean {
  const { raw, buffer, bufferBytes, sourceBytes } = reader;
  if (buffer === null || raw.length !== bufferBytes || typeof offset !== "number") return false;
  if (typeof length !== "number" || length >>> 0 !== length || offset >>> 0 !== offset)
    return false;
  if (offset + length > sourceBytes) return false;
  const at = offset - reader.offset - reader.origin;
  reader.at = at;
  reader.end = at + length;
  reader.origin = 0 - at;
  reader.total = length;
  reader.offset = offset;
  reader.lacking = 0;
  reader.bitsLeft = 0;
  reader.markAt = 0;
  reader.markBits = 0;
  return true;
}

/** Returns how many bytes are to be read. @throws what `reset` throws */
function checkWindow(source: unknown, offset: number, length: number | undefined): number {
  if (!isByteArray(source) && !isBytes(source)) throw invalidSource(source);
  checkRange("offset", offset, 0, source.length);
  const rest = source.length - offset;
  if (length === undefined) return rest;
  checkRange("length", length, 0, rest);
  return length;
}

function invalidSource(source: unknown): BufferError {
  return invalid("source", source, "Bytes or a Uint8Array");
}

/** Leaves `length` bytes from `offset` of those that were opened. */
function narrow(reader: ReaderState, offset: number, length: number): void {
  const { parts } = reader;
  reader.total = length;
  if (parts.length > 0) {
    const cut = cutParts(parts, offset, length);
    reader.parts = cut;
    reader.at = (cut[0] as Part).start;
    reader.end = reader.at + (cut[0] as Part).length;
  } else {
    reader.at += offset;
    reader.end = reader.at + length;
  }
}

/** Returns the parts of `length` bytes from `offset`, of which there is one at least. */
function cutParts(parts: readonly Part[], offset: number, length: number): readonly Part[] {
  const end = offset + length;
  const first = findPart(parts, offset);
  const last = findPart(parts, Math.max(offset, end - 1));
  return parts.slice(first, last + 1).map(({ block, start, length: bytes, at }) => {
    const from = Math.max(at, offset);
    const to = Math.min(at + bytes, end);
    return { block, start: start + from - at, length: to - from, at: from - offset };
  });
}

/** Opens bytes of a heap. */
function openBytes(reader: ReaderState, source: unknown): void {
  if (!isBytes(source)) throw invalidSource(source);
  const { u8, dataView } = heapOf(source);
  const { length } = source;
  const start = startOf(source);
  const parts = start < 0 ? partsOf(source) : WHOLE;
  reader.buffer = null;
  reader.raw = u8;
  reader.data = dataView;
  reader.parts = parts;
  reader.total = length;
  reader.at = parts[0]?.start ?? start;
  reader.end = reader.at + (parts[0]?.length ?? length);
}

/** Opens an array of another buffer. To ask an array for its buffer or its offset takes 10 ns. */
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

/** Opens another array of the same buffer. Returns false if the buffer has changed its length. */
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

/** @throws {BufferError} ERR_INVALID_ARGUMENT */
export function checkMaximum(maximum: number): void {
  if (typeof maximum === "number" && maximum >= 0) return;
  throw invalid("maximum", maximum, "a number from 0");
}

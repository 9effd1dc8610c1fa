import { isByteArray } from "../../base/tag.js";
import { invalid } from "../../buffers/errors.js";
import { type Bytes, type BytesPool, utf8Length, writeUtf8 } from "../../buffers/internal.js";
import type { BufferError } from "../../index.js";
import {
  checkBoolean,
  checkIntegerOption,
  checkNames,
  checkUnended,
  cutArray,
  frameTooLarge,
} from "../checks.js";
import { FRAME_MAX_BYTES, type FramerOptions } from "./cutter.js";
import { DelimiterSet } from "./delimiterSet.js";
import { Framer } from "./framer.js";

/** How frames end. */
export interface DelimiterOptions extends FramerOptions {
  /**
   * The byte or bytes that end a frame; a string is UTF-8. With several in an array the one that
   * begins first ends a frame, and of those that begin there the longest. So a frame whose
   * delimiter could still be longer waits for the next byte, or for the stream's end.
   */
  readonly delimiter: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Whether frames are handed out without their delimiter. Default true. */
  readonly strip?: boolean | undefined;
  /** The most bytes of a frame with its delimiter; more is ERR_TOO_LARGE. */
  readonly maximum: number;
  /**
   * What the last bytes of a stream are if they have no delimiter: "error" is ERR_TRUNCATED,
   * "frame" is a frame for the `onFrame` of `end`. Default "error".
   */
  readonly unended?: "error" | "frame" | undefined;
}

const NAMES: readonly (keyof DelimiterOptions)[] = [
  "delimiter",
  "strip",
  "maximum",
  "unended",
  "copyBelow",
];

/** Cuts frames that end with a delimiter. Between two successive delimiters is an empty frame. */
export class DelimiterFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<
  Bytes<B>,
  B
> {
  private readonly delimiter: Uint8Array;
  /**
   * At n: the most bytes, fewer than n, that are both the first of the delimiter and the last of
   * its first n bytes.
   */
  private readonly fallback: Uint32Array;
  private readonly maximum: number;
  private readonly isStripped: boolean;
  private readonly isUnendedFrame: boolean;
  /** Finds one of several delimiters. */
  private readonly set: DelimiterSet | undefined;
  /** How many of the delimiter's first bytes are the last bytes that have come. */
  private matched: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: DelimiterOptions) {
    super(pool, checkNames(options, NAMES).copyBelow);
    const { delimiter, strip = true, maximum, unended = "error" } = options;
    const delimiters = toDelimiters(delimiter);
    const longest = Math.max(...delimiters.map(({ length }) => length));
    checkBoolean("strip", strip);
    checkIntegerOption("maximum", maximum, longest, FRAME_MAX_BYTES);
    this.delimiter = delimiters[0] as Uint8Array;
    this.set = delimiters.length > 1 ? new DelimiterSet(delimiters) : undefined;
    this.fallback = fallbacks(this.delimiter);
    this.maximum = maximum;
    this.isStripped = strip;
    this.isUnendedFrame = checkUnended(unended);
    this.matched = 0;
  }

  protected override find(source: Uint8Array, at: number, end: number): number {
    const { kept, maximum, set } = this;
    if (set !== undefined) return this.findAny(set, source, at, end);
    const last = Math.min(end, at + maximum - kept.length);
    const { length } = this.delimiter;
    const found = length === 1 ? this.findByte(source, at, last) : this.findBytes(source, at, last);
    if (found > 0) {
      this.tail = this.isStripped ? length : 0;
      return found - at;
    }
    if (last - at + kept.length === maximum) throw this.tooLong();
    return at - end;
  }

  protected override last(): number {
    const { kept, set } = this;
    if (set !== undefined) {
      set.search(this.pool.heap.u8, kept.ptr + kept.length, kept.ptr, this.maximum);
      if (set.matchEnd > 0) return this.matchIn(set);
    }
    if (!this.isUnendedFrame) return 0;
    this.tail = 0;
    return kept.length;
  }

  protected override most(): number {
    return Math.min(this.maximum, this.kept.largest);
  }

  protected override expected(): string {
    if (this.set !== undefined) return "one of several delimiters";
    return `a delimiter of ${this.delimiter.length} bytes`;
  }

  protected override begin(): void {
    this.matched = 0;
    if (this.set !== undefined) this.set.begin();
  }

  protected override wrap(bytes: Bytes<B>): Bytes<B> {
    return bytes;
  }

  private findAny(set: DelimiterSet, source: Uint8Array, at: number, end: number): number {
    const { kept, maximum } = this;
    let isSure = false;
    // Bytes that were read behind the last frame are read again.
    if (set.scanned < kept.length) {
      isSure = set.search(this.pool.heap.u8, kept.ptr + kept.length, kept.ptr, maximum);
    }
    if (!isSure) isSure = set.search(source, end, at - kept.length, maximum);
    const { matchEnd } = set;
    if (matchEnd > maximum || (matchEnd === 0 && set.scanned >= maximum)) throw this.tooLong();
    if (!isSure) return at - end;
    this.whole = this.matchIn(set);
    return Math.max(0, matchEnd - kept.length);
  }

  /** Returns where the frame ends that was found. */
  private matchIn(set: DelimiterSet): number {
    this.tail = this.isStripped ? set.matchLength : 0;
    return set.matchEnd;
  }

  private tooLong(): BufferError {
    return frameTooLarge(this.start, this.maximum + 1, this.maximum);
  }

  /** Returns the index after the delimiter, or 0 if there is none. */
  private findByte(source: Uint8Array, at: number, end: number): number {
    return indexIn(source, this.delimiter[0], at, end) + 1;
  }

  private findBytes(source: Uint8Array, from: number, end: number): number {
    const { delimiter, fallback } = this;
    let { matched } = this;
    let at = from;
    while (at < end) {
      if (matched === 0) {
        at = indexIn(source, delimiter[0], at, end);
        if (at < 0) break;
      } else {
        const byte = source[at];
        while (matched > 0 && byte !== delimiter[matched]) matched = fallback[matched];
        if (byte !== delimiter[matched]) continue;
      }
      at++;
      matched++;
      if (matched === delimiter.length) return at;
    }
    this.matched = matched;
    return 0;
  }
}

/** Up to this many bytes, a loop is faster than `indexOf` and the view that bounds it. */
const NEAR = 128;

function indexIn(source: Uint8Array, byte: number, from: number, end: number): number {
  const near = Math.min(end, from + NEAR);
  for (let at = from; at < near; at++) if (source[at] === byte) return at;
  if (near === end) return -1;
  const found = source.subarray(near, end).indexOf(byte);
  return found < 0 ? -1 : near + found;
}

/** Returns copies of the delimiters, each once. */
function toDelimiters(given: unknown): readonly Uint8Array[] {
  if (!Array.isArray(given)) return [toDelimiter(given)];
  if (given.length === 0) throw invalid("delimiter", given, "an array of one delimiter or more");
  const different = new Map<string, Uint8Array>();
  for (let index = 0; index < given.length; index++) {
    const delimiter = toDelimiter(given[index]);
    different.set(delimiter.join(), delimiter);
  }
  return [...different.values()];
}

function toDelimiter(given: unknown): Uint8Array {
  let bytes: Uint8Array | undefined;
  if (isByteArray(given)) bytes = new Uint8Array(cutArray(given, 0, given.length));
  else if (typeof given === "string") {
    bytes = new Uint8Array(utf8Length(given));
    writeUtf8(given, bytes, 0);
  }
  if (bytes === undefined || bytes.length === 0) {
    throw invalid("delimiter", given, "a string or a Uint8Array of one byte or more, or several");
  }
  return bytes;
}

/** Returns the table of Knuth, Morris and Pratt: no byte is read again after a partial match. */
function fallbacks(delimiter: Uint8Array): Uint32Array {
  const table = new Uint32Array(delimiter.length + 1);
  let matched = 0;
  for (let at = 1; at < delimiter.length; at++) {
    const byte = delimiter[at];
    while (matched > 0 && byte !== delimiter[matched]) matched = table[matched];
    if (byte === delimiter[matched]) matched++;
    table[at + 1] = matched;
  }
  return table;
}

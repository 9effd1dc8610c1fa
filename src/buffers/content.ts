import { BufferError } from "../index.js";
import { checkBytes, toByteArray } from "./data.js";
import { checkRange, checkRoom, frozen, invalid, toPosition } from "./errors.js";
import { compareBytes, copyBytes, findLast, Matcher } from "./search.js";
import {
  type BytesEncoding,
  decodeText,
  dump,
  Hash,
  SHOWN_BYTES,
  summarize,
  summarizeHex,
} from "./text.js";
import { utf8Length, writeUtf8 } from "./utf8.js";

/** What can be looked for in `Bytes`: a byte, bytes, or a string as UTF-8. */
export type BytesPattern = number | string | Uint8Array | Content;

/** What `JSON.stringify` shows of `Bytes`. */
export interface BytesSummary {
  readonly type: "Bytes";
  readonly length: number;
  /** The first 32 bytes in hex, with "…" after them if there are more. */
  readonly hex: string;
}

/** Called with bytes of a buffer, in order. It returns false to stop. */
export type See = (u8: Uint8Array, start: number, length: number, at: number) => boolean;

/**
 * What can be asked of bytes, wherever they lie. It has no state: a subclass says where they are.
 */
export abstract class Content {
  /** How many bytes there are. */
  abstract get length(): number;

  /** Whether the last reference was released. */
  abstract get isReleased(): boolean;

  /** Whether the bytes can only be read. */
  abstract get isFrozen(): boolean;

  /** Returns the byte at a position; a negative one counts from the end. */
  abstract at(index: number): number;

  /** @internal Calls `see` with the bytes between two positions, piece by piece. */
  abstract visit(start: number, end: number, see: See): void;

  /**
   * Copies `bytes`, the first to the position `at`.
   * @throws {BufferError} ERR_OUT_OF_RANGE if they do not fit; ERR_FROZEN; ERR_INVALID_ARGUMENT
   */
  write(bytes: Uint8Array, at: number = 0): void {
    const { length } = this;
    if (this.isFrozen) throw frozen();
    let source = toByteArray(checkBytes("bytes", bytes));
    checkRoom("at", at, source.length, length);
    this.visit(at, at + source.length, (u8, start, count, from) => {
      // Writing to one part may change the bytes that are read for the next one.
      if (count < source.length && from === at && source.buffer === u8.buffer) {
        source = new Uint8Array(source);
      }
      u8.set(source.subarray(from - at, from - at + count), start);
      return true;
    });
  }

  /**
   * Fills the bytes from `start` to `end` with a byte, or with bytes or text again and again.
   * @throws {BufferError} ERR_OUT_OF_RANGE; ERR_FROZEN; ERR_INVALID_ARGUMENT
   */
  fill(pattern: BytesPattern, start: number = 0, end: number = this.length): this {
    const { length } = this;
    if (this.isFrozen) throw frozen();
    checkRange("end", end, 0, length);
    checkRange("start", start, 0, end);
    const wanted = new Uint8Array(toPattern("pattern", pattern));
    if (wanted.length === 0) throw invalid("pattern", pattern, "one byte or more");
    this.visit(start, end, (u8, first, count, at) => {
      if (wanted.length === 1) u8.fill(wanted[0], first, first + count);
      else {
        for (let index = 0; index < count; index++) {
          u8[first + index] = wanted[(at - start + index) % wanted.length];
        }
      }
      return true;
    });
    return this;
  }

  /**
   * Copies the bytes from `start` to `end` into `target`, at its index `at`. Returns how many
   * bytes.
   * @throws {BufferError} ERR_OUT_OF_RANGE if they do not fit; ERR_INVALID_ARGUMENT
   */
  copyTo(target: Uint8Array, at: number = 0, start: number = 0, end: number = this.length): number {
    const { length } = this;
    checkBytes("target", target);
    checkRange("end", end, 0, length);
    checkRange("start", start, 0, end);
    checkRoom("at", at, end - start, target.length);
    this.visit(start, end, (u8, from, count, position) => {
      copyBytes(u8, from, count, target, at + position - start);
      return true;
    });
    return end - start;
  }

  /**
   * Returns a copy on the JavaScript heap, for functions that refuse views of shared memory:
   * `crypto.subtle`, bodies of responses, `WebSocket.send`, streams of bytes, and `postMessage` of
   * a part.
   */
  toUnshared(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.length);
    this.copyTo(copy);
    return copy;
  }

  /**
   * Returns the first position from `from` on where the pattern begins, or -1. A negative `from`
   * counts from the end. Takes time in proportion to the bytes.
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_INVALID_ARGUMENT
   */
  indexOf(pattern: BytesPattern, from: number = 0): number {
    const { length } = this;
    const wanted = toPattern("pattern", pattern);
    const start = toPosition("from", from, length);
    if (wanted.length === 0) return start;
    const matcher = new Matcher(wanted);
    let found = -1;
    this.visit(start, length, (u8, begin, count, at) => {
      const end = matcher.scan(u8, begin, begin + count);
      if (end >= 0) found = at + end - begin - wanted.length;
      return end < 0;
    });
    return found;
  }

  /**
   * Returns the last position up to `from` where the pattern begins, or -1. A negative `from`
   * counts from the end. Takes time in proportion to the bytes.
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_INVALID_ARGUMENT
   */
  lastIndexOf(pattern: BytesPattern, from: number = this.length): number {
    const { length } = this;
    const wanted = toPattern("pattern", pattern);
    const last = Math.min(toPosition("from", from, length), length - wanted.length);
    if (last < 0) return -1;
    return wanted.length === 0 ? last : findLast(pieceOf(this, 0, last + wanted.length), wanted);
  }

  /** Returns whether the pattern occurs from `from` on. @throws what `indexOf` throws */
  includes(pattern: BytesPattern, from: number = 0): boolean {
    return this.indexOf(pattern, from) >= 0;
  }

  /** Returns whether the first bytes are these. @throws {BufferError} ERR_INVALID_ARGUMENT */
  startsWith(start: Exclude<BytesPattern, number>): boolean {
    const wanted = toSequence("start", start);
    return wanted.length <= this.length && hasAt(this, 0, wanted);
  }

  /** Returns whether the last bytes are these. @throws {BufferError} ERR_INVALID_ARGUMENT */
  endsWith(end: Exclude<BytesPattern, number>): boolean {
    const wanted = toSequence("end", end);
    return wanted.length <= this.length && hasAt(this, this.length - wanted.length, wanted);
  }

  /** Returns whether `other` has the same bytes. @throws {BufferError} ERR_INVALID_ARGUMENT */
  equals(other: Content | Uint8Array): boolean {
    const bytes = toPiece("other", other);
    return bytes.length === this.length && compareBytes(toPiece("this", this), bytes) === 0;
  }

  /**
   * Returns -1, 0 or 1: whether these bytes sort before `other`, are the same, or sort after.
   * @throws {BufferError} ERR_INVALID_ARGUMENT
   */
  compare(other: Content | Uint8Array): number {
    return compareBytes(toPiece("this", this), toPiece("other", other));
  }

  /**
   * Returns the bytes as text: UTF-8 by default, in which malformed bytes become U+FFFD. Names of
   * encodings are those of Node's buffers.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for another encoding; ERR_TOO_LARGE beyond the
   * longest string
   */
  toString(encoding: BytesEncoding = "utf8"): string {
    const bytes = pieceOf(this, 0, this.length);
    return decodeText(bytes, 0, bytes.length, encoding);
  }

  /**
   * Returns the bytes from `start` to `end` for people: lines of 16 bytes with their position, in
   * hex and in ASCII.
   * @throws {BufferError} ERR_OUT_OF_RANGE; ERR_TOO_LARGE beyond 64 MiB
   */
  hexdump(start: number = 0, end: number = this.length): string {
    const { length } = this;
    checkRange("end", end, 0, length);
    checkRange("start", start, 0, end);
    return dump(pieceOf(this, start, end));
  }

  /** @internal Refuses what takes its argument for an array, and would read zeros: `array.set`. */
  get 0(): never {
    const message = "Bytes have no indices; use at(), copyTo(), view() or toUnshared()";
    throw new BufferError("ERR_INVALID_ARGUMENT", message);
  }

  /** Yields each byte. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }

  /**
   * Yields a copy of each piece, for what takes streams: `Readable.from`, `fs.writeFile`, and in
   * Node the body of a `Response` or of `fetch`.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const copies: Uint8Array<ArrayBuffer>[] = [];
    this.visit(0, this.length, (u8, start, length) => {
      copies.push(new Uint8Array(u8.subarray(start, start + length)));
      return true;
    });
    yield* copies;
  }

  /** Returns what `toUnshared` does. `Buffer.from` asks for it. */
  valueOf(): Uint8Array<ArrayBuffer> {
    return this.toUnshared();
  }

  /** Returns a short summary, also of released bytes. `toString("base64")` has all of them. */
  toJSON(): BytesSummary | { readonly type: "Bytes"; readonly released: true } {
    if (this.isReleased) return { type: "Bytes", released: true };
    const { length } = this;
    const hex = summarizeHex(pieceOf(this, 0, Math.min(length, SHOWN_BYTES)), length, "");
    return { type: "Bytes", length, hex };
  }

  /**
   * Tells contents apart: `assert.deepEqual` and its like compare this tag, and no content. Longer
   * bytes have a hash of all of them.
   */
  get [Symbol.toStringTag](): string {
    if (this.isReleased) return "Bytes(released)";
    const { length } = this;
    const hex = summarizeHex(pieceOf(this, 0, Math.min(length, SHOWN_BYTES)), length, "");
    if (length <= SHOWN_BYTES) return `Bytes(${length}) ${hex}`;
    const hash = new Hash();
    this.visit(0, length, (u8, start, count) => {
      hash.add(u8, start, start + count);
      return true;
    });
    return `Bytes(${length}) ${hex} #${hash}`;
  }

  static {
    // What `console.log` shows in Node, Deno and Bun.
    const value = function (this: Content): string {
      if (this.isReleased) return "Bytes(released)";
      return summarize(pieceOf(this, 0, Math.min(this.length, SHOWN_BYTES)), this.length);
    };
    Object.defineProperty(Content.prototype, Symbol.for("nodejs.util.inspect.custom"), { value });
  }
}

/** Returns the bytes between two positions, to be read: a view, or a copy if they are in pieces. */
function pieceOf(bytes: Content, start: number, end: number): Uint8Array {
  let piece: Uint8Array = new Uint8Array(0);
  bytes.visit(start, end, (u8, from, length, at) => {
    if (length === end - start) piece = u8.subarray(from, from + length);
    else {
      if (at === start) piece = new Uint8Array(end - start);
      copyBytes(u8, from, length, piece, at - start);
    }
    return true;
  });
  return piece;
}

function hasAt(bytes: Content, start: number, wanted: Uint8Array): boolean {
  return compareBytes(pieceOf(bytes, start, start + wanted.length), wanted) === 0;
}

/** Returns `Bytes` or an array in one piece, to be read. */
function toPiece(name: string, bytes: unknown): Uint8Array {
  return bytes instanceof Content ? pieceOf(bytes, 0, bytes.length) : checkBytes(name, bytes);
}

/** Returns the bytes of a string, of an array or of `Bytes`, to be read at once. */
export function toSequence(name: string, value: unknown): Uint8Array {
  if (value instanceof Content) return toPiece(name, value);
  if (typeof value !== "string") {
    if (ArrayBuffer.isView(value)) return toByteArray(checkBytes(name, value));
    throw invalid(name, value, "a string, a Uint8Array or Bytes");
  }
  const bytes = new Uint8Array(utf8Length(value));
  writeUtf8(value, bytes, 0);
  return bytes;
}

/** Returns the bytes of a pattern; a number is one byte. */
export function toPattern(name: string, value: unknown): Uint8Array {
  const isSequence = typeof value === "string" || (typeof value === "object" && value !== null);
  if (isSequence) return toSequence(name, value);
  checkRange(name, value as number, 0, 255);
  return Uint8Array.of(value as number);
}

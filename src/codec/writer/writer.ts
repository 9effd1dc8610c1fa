import { invalid, outOfRange } from "../../buffers/errors.js";
import { type Bytes, isBytes, toByteArray, utf8Length, writeUtf8 } from "../../buffers/internal.js";
import { putBits } from "../bitFields.js";
import { checkWhole } from "../checks.js";
import { CASTAGNOLI, IEEE } from "../crc.js";
import { type LengthPrefix, PREFIXES } from "../fields.js";
import { leb32Length, putLeb32, putQuic, quicLength } from "../varint.js";
import { highWord } from "../words.js";
import { dispose, finish, grow, place, reset, viewOf } from "./blocks.js";
import { crcWritten, putLatin1, putUtf16 } from "./content.js";
import {
  appendParts,
  checkAppend,
  countBytes,
  notBytes,
  SHORT_BYTES,
  slowBytes,
  steady,
} from "./copies.js";
import { putDigits } from "./digits.js";
import { WriterVarints } from "./varints.js";

/** Up to this many characters, a loop is faster than the encoder of the engine. */
const SHORT_TEXT = 24;
/** A constant, because V8 in Node 20 looks up the method at each call, which takes 3 ns. */
const setBytes = Uint8Array.prototype.set;

/**
 * Writes a binary message into blocks of a heap. It checks every value. A write that throws leaves
 * the writer as it was: ERR_OUT_OF_RANGE or ERR_INVALID_ARGUMENT for a value that the field does
 * not take, ERR_TOO_LARGE beyond `maximum`, ERR_CLOSED after disposal, and ERR_HEAP_EXHAUSTED.
 *
 * `finish` returns the message as `Bytes`. A writer is used for many messages and disposed of at
 * the end.
 */
export class Writer<B extends ArrayBufferLike = ArrayBufferLike> extends WriterVarints<B> {
  /**
   * Returns what was written as `Bytes`, which the caller releases. The writer is empty afterwards
   * and takes a new block for the next message.
   */
  finish(): Bytes<B> {
    return finish(this);
  }

  /** Forgets what was written. The writer keeps the block for the next message. */
  reset(): void {
    if (this.base === 0) {
      this.at = this.start;
      this.bitsFree = 0;
    } else {
      reset(this);
    }
  }

  /** Frees everything that the writer holds. Any write of bytes after that is ERR_CLOSED. */
  [Symbol.dispose](): void {
    dispose(this);
  }

  /**
   * Returns what was written as a view, without a copy. The view is valid until the next write,
   * `finish` or `reset`.
   * @throws {BufferError} ERR_NOT_CONTIGUOUS for a chain
   */
  view(): Uint8Array<B> {
    return viewOf(this);
  }

  /**
   * Appends bytes, which the caller still has to release. A writer that chains shares their blocks
   * and copies nothing; another one copies them.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for bytes of another heap
   */
  append(bytes: Bytes<B>): void {
    checkAppend(this, bytes, 0);
    appendParts(this, bytes);
  }

  /** Writes `count` bytes that are 0, to be patched later. Returns their position. */
  reserve(count: number): number {
    if (!Number.isInteger(count) || count < 0) throw outOfRange("reserve", count, 0, this.maximum);
    const at = this.at + count <= this.limit ? this.at : grow(this, count);
    const position = this.length;
    this.raw.fill(0, at, at + count);
    this.at = at + count;
    return position;
  }

  /** Overwrites bytes that were written or reserved, in one piece. @throws as `patchU8` */
  patchBytes(position: number, bytes: Uint8Array): void {
    const length = countBytes(bytes);
    this.raw.set(bytes, place(this, position, length));
  }

  /**
   * Writes a string as ISO 8859-1: one byte per character.
   * @throws {BufferError} ERR_OUT_OF_RANGE for a character above U+00FF
   */
  latin1(text: string): void {
    putLatin1(this, text);
  }

  /** Writes a string as UTF-16: two bytes per unit, of lone surrogates too. */
  utf16le(text: string): void {
    putUtf16(this, text);
  }

  /**
   * Returns the CRC-32 of what was written from position `from` to `to`: see the function `crc32`.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  crc32(from: number = 0, to: number = this.length): number {
    return crcWritten(this, IEEE, from, to);
  }

  /** Returns the CRC-32C, as `crc32` does. */
  crc32c(from: number = 0, to: number = this.length): number {
    return crcWritten(this, CASTAGNOLI, from, to);
  }

  /** Writes a safe integer in decimal digits, after a minus if it is below 0. */
  decimal(value: number): void {
    putDigits(this, "decimal", value, -Number.MAX_SAFE_INTEGER);
  }

  /** Writes a safe integer from 0 in hexadecimal digits: as few as it needs, in lower case. */
  hex(value: number): void {
    putDigits(this, "hex", value, 0);
  }

  /** Writes a copy of bytes. `append` takes `Bytes` without a copy. */
  bytes(bytes: Uint8Array): void {
    const { at } = this;
    if (ArrayBuffer.isView(bytes) && bytes instanceof Uint8Array) {
      const end = at + bytes.length;
      if (end <= this.limit && end > at + SHORT_BYTES) {
        setBytes.call(this.raw, bytes, at);
        this.at = end;
        return;
      }
    }
    slowBytes(this, bytes);
  }

  /*
   * The next two methods have the same loop, written twice, because V8 counts a function that is
   * inlined into an inlined function against the budget of both. If a text turns out not to be
   * ASCII, what the loop has written to the free room is overwritten.
   */

  /** Writes a string as UTF-8. A lone surrogate becomes U+FFFD. */
  utf8(text: string): void {
    const { raw, at } = this;
    if (typeof text === "string" && text.length <= SHORT_TEXT && at + text.length <= this.limit) {
      let units = 0;
      let end = at;
      for (let index = 0; index < text.length; index++)
        units |= raw[end++] = text.charCodeAt(index);
      if (units < 0x80) {
        this.at = end;
        return;
      }
    }
    if (typeof text !== "string") throw invalid("text", text, "a string");
    this.longUtf8(text, 0, utf8Length(text));
  }

  /** Writes a string as UTF-8 after a prefix that says how many bytes it has. */
  utf8Prefixed(prefix: LengthPrefix, text: string): void {
    // With a short text, both of these prefixes have one byte.
    if (
      (prefix === "u8" || prefix === "varint") &&
      typeof text === "string" &&
      text.length <= SHORT_TEXT &&
      this.at + text.length < this.limit
    ) {
      const { raw } = this;
      let { at } = this;
      raw[at++] = text.length;
      let units = 0;
      for (let index = 0; index < text.length; index++) units |= raw[at++] = text.charCodeAt(index);
      if (units < 0x80) {
        this.at = at;
        return;
      }
    }
    this.longPrefixed(prefix, text);
  }

  /** Writes a string as UTF-8, and after it the byte `terminator`, from 0 to 127. */
  utf8Terminated(text: string, terminator: number = 0): void {
    checkWhole("terminator", terminator, 0x7f);
    if (typeof text !== "string") throw invalid("text", text, "a string");
    if (text.includes(String.fromCharCode(terminator))) {
      throw invalid("text", text, `no character ${terminator}, which ends it`);
    }
    const size = utf8Length(text);
    const at = this.at + size + 1 <= this.limit ? this.at : grow(this, size + 1);
    writeUtf8(text, this.raw, at);
    this.raw[at + size] = terminator;
    this.at = at + size + 1;
  }

  /** Writes a copy of bytes after a prefix that says how many there are. */
  bytesPrefixed(prefix: LengthPrefix, bytes: Uint8Array): void {
    const length = countBytes(bytes);
    const front = this.prefixLength(prefix, length);
    const fits = this.at + front + length <= this.limit;
    const source = fits ? bytes : steady(this, toByteArray(bytes));
    const at = fits ? this.at : grow(this, front + length);
    this.putPrefix(prefix, at, length);
    setBytes.call(this.raw, source, at + front);
    this.at = at + front + length;
  }

  /** Appends bytes, as `append` does, after a prefix that says how many there are. */
  appendPrefixed(prefix: LengthPrefix, bytes: Bytes<B>): void {
    if (!isBytes(bytes)) throw notBytes(bytes);
    const { length } = bytes;
    const front = this.prefixLength(prefix, length);
    checkAppend(this, bytes, front);
    // Everything that can fail does so before anything is written.
    const needed = this.isChain ? front : front + length;
    const before = this.at + needed <= this.limit ? this.at : grow(this, needed);
    this.putPrefix(prefix, before, length);
    this.at = before + front;
    appendParts(this, bytes);
  }

  /**
   * Writes the lowest `count` bits of a value, 1 to 32, the highest of them first. Bit fields
   * follow one another within bytes. Whatever else is written begins at the next whole byte.
   */
  bits(value: number, count: number): void {
    putBits(this, value, count);
  }

  /** Lets the next bit field begin at a whole byte, too. */
  align(): void {
    this.bitsFree = 0;
  }

  private longPrefixed(prefix: LengthPrefix, text: string): void {
    if (typeof text !== "string") throw invalid("text", text, "a string");
    const size = utf8Length(text);
    const front = this.prefixLength(prefix, size);
    this.longUtf8(text, front, size);
    this.putPrefix(prefix, this.at - size - front, size);
  }

  private longUtf8(text: string, front: number, size: number): void {
    const all = front + size;
    const at = this.at + all <= this.limit ? this.at : grow(this, all);
    writeUtf8(text, this.raw, at + front);
    this.at = at + all;
  }

  /** Returns how many bytes a prefix takes that says `length`. */
  private prefixLength(prefix: LengthPrefix, length: number): number {
    if (prefix === "varint" && length <= 0xffffffff) return leb32Length(length);
    if (prefix === "quic") return quicLength(length >>> 0, highWord(length));
    const size = prefix === "u8" ? 1 : prefix === "u16le" || prefix === "u16be" ? 2 : 4;
    if (size === 4 && prefix !== "u32le" && prefix !== "u32be") {
      throw invalid("prefix", prefix, PREFIXES);
    }
    const most = 2 ** (8 * size) - 1;
    if (length > most) throw outOfRange(`the length after ${prefix}`, length, 0, most);
    return size;
  }

  private putPrefix(prefix: LengthPrefix, at: number, length: number): void {
    if (prefix === "u8") this.raw[at] = length;
    else if (prefix === "varint") putLeb32(this.raw, at, length);
    else if (prefix === "u16le") this.data.setUint16(at, length, true);
    else if (prefix === "u16be") this.data.setUint16(at, length);
    else if (prefix === "u32le") this.data.setUint32(at, length, true);
    else if (prefix === "u32be") this.data.setUint32(at, length);
    else {
      const [low, high] = [length >>> 0, highWord(length)];
      putQuic(this.data, at, quicLength(low, high), low, high);
    }
  }
}

import { checkRange, invalid } from "../../buffers/errors.js";
import { ASCII_MAX, type Bytes, checkBytes, readAscii, readUtf8 } from "../../buffers/internal.js";
import { takeBits } from "../bitFields.js";
import { checkWhole, tooLarge } from "../checks.js";
import { CASTAGNOLI, IEEE } from "../crc.js";
import { type LengthPrefix, PREFIXES } from "../fields.js";
import { checkEven, crcFrom, readText } from "./content.js";
import { readDigits } from "./digits.js";
import {
  bytesLeft,
  checkCount,
  checkSource,
  copyOut,
  fallShort,
  findTerminator,
  gather,
  peekAhead,
  pendingBits,
  seekBack,
  seekTo,
  skipBytes,
  sliceOf,
  slowText,
} from "./parts.js";
import { checkMaximum, type SliceOf } from "./state.js";
import { ReaderVarints } from "./varints.js";

const ZERO = 48;
/** So many decimal digits make a safe integer. */
const SHORT_DIGITS = 15;

/**
 * Reads a binary message from `Bytes`, in one part or in several, or from a `Uint8Array`. It copies
 * only what lies in several parts.
 *
 * A read of more bytes than there are does not throw. It returns 0 or an empty value, and `missing`
 * says how many bytes it lacks. So a message is read to its end and checked once:
 *
 *     const id = reader.u32be();
 *     const name = reader.utf8Prefixed("u16be");
 *     if (reader.missing > 0) return reader.rewind();
 *     reader.mark();
 *
 * A loop over a count asks `ok` in each turn, because a count may be any number: see `counted`.
 *
 * Malformed data is ERR_MALFORMED or ERR_TOO_LARGE with its position, and the reader does not move.
 * The reader holds no reference: do not release or split the bytes while they are read. Reads of
 * text and bytes are refused after that (ERR_RELEASED, ERR_INVALID_ARGUMENT); numbers are not
 * checked and may be another's.
 */
export class Reader<S extends Bytes | Uint8Array = Bytes | Uint8Array> extends ReaderVarints<S> {
  /** Sets the position to which `rewind` goes back. At first it is the beginning. */
  mark(): void {
    this.markAt = this.position;
    this.markBits = pendingBits(this);
  }

  /** Goes back to the mark. Nothing is missing then. */
  rewind(): void {
    this.lacking = 0;
    seekBack(this, this.markAt, this.markBits);
  }

  /** Skips `count` bytes. @throws {BufferError} ERR_OUT_OF_RANGE for a count below 0 */
  skip(count: number): void {
    if (Number.isInteger(count) && count >= 0 && this.at + count <= this.end) this.at += count;
    else skipBytes(this, count);
  }

  /**
   * Goes to any position from 0 to the end. One behind the end is a short read; after a short read
   * it does nothing.
   * @throws {BufferError} ERR_OUT_OF_RANGE for a position below 0
   */
  seek(position: number): void {
    seekTo(this, position);
  }

  /** Returns the next byte, or the one `ahead` of it, and stays. @throws as `skip` */
  peek(ahead: number = 0): number {
    if (typeof ahead === "number" && ahead >>> 0 === ahead && this.at + ahead < this.end) {
      return this.raw[this.at + ahead];
    }
    return peekAhead(this, ahead);
  }

  /**
   * Reads `count` bytes without a copy: as a slice of `Bytes`, which is released separately, or as
   * a view of a `Uint8Array`.
   * @throws {BufferError} ERR_OUT_OF_RANGE for a count below 0
   */
  bytes(count: number): SliceOf<S> {
    return this.sliceNext(this.whole(count));
  }

  /** Reads `count` bytes as a copy on the JavaScript heap. */
  copy(count: number): Uint8Array<ArrayBuffer> {
    checkSource(this);
    return gather(this, this.whole(count));
  }

  /** Fills `target` with the next bytes. Returns how many it copied: 0 if some are missing. */
  copyTo(target: Uint8Array): number {
    checkSource(this);
    const count = this.whole(checkBytes("target", target).length);
    copyOut(this, target, count);
    return count;
  }

  /** Reads `count` bytes as UTF-8. @throws {BufferError} ERR_MALFORMED, if `strict` is set */
  utf8(count: number): string {
    const pending = pendingBits(this);
    return this.text(this.whole(count), this.position, pending);
  }

  /**
   * Reads a string as UTF-8. The prefix says how many bytes it has.
   * @throws {BufferError} ERR_TOO_LARGE if these are more than `maximum`; ERR_MALFORMED
   */
  utf8Prefixed(prefix: LengthPrefix, maximum: number = this.maximum): string {
    const { at, raw } = this;
    // A short text has a prefix of one byte. Here all bytes after it have come.
    if (at < this.end && (prefix === "u8" || prefix === "varint")) {
      const count = raw[at];
      const next = at + 1 + count;
      if (next <= this.end && count <= ASCII_MAX) {
        const text = readAscii(raw, at + 1, count);
        if (text !== undefined && typeof maximum === "number" && count <= maximum) {
          // An array that was detached has no byte at `at`.
          if (this.buffer === null) checkSource(this);
          this.at = next;
          return text;
        }
      }
    }
    return this.longPrefixed(prefix, maximum);
  }

  /**
   * Reads a string as UTF-8 up to the byte `terminator`, from 0 to 127, and skips that byte.
   * @throws {BufferError} ERR_TOO_LARGE if there are more than `maximum` bytes before it;
   * ERR_MALFORMED
   */
  utf8Terminated(terminator: number = 0, maximum: number = this.maximum): string {
    checkWhole("terminator", terminator, 0x7f);
    checkMaximum(maximum);
    checkSource(this);
    const { position } = this;
    const count = findTerminator(this, terminator);
    const length = count < 0 ? this.remaining : count;
    if (!(length <= maximum)) throw tooLarge("the length of the text", position, length, maximum);
    if (count < 0) {
      fallShort(this, position, 1);
      return "";
    }
    const text = this.text(count, position, pendingBits(this));
    this.skip(1);
    return text;
  }

  /** Reads `count` bytes as ISO 8859-1: each is a character from U+0000 to U+00FF. */
  latin1(count: number): string {
    checkSource(this);
    return readText(this, this.whole(count), "latin1");
  }

  /**
   * Reads `count` bytes, two per unit, as UTF-16. Lone surrogates stay as they are.
   * @throws {BufferError} ERR_OUT_OF_RANGE for an odd count
   */
  utf16le(count: number): string {
    checkSource(this);
    checkEven(this, count);
    return readText(this, this.whole(count), "utf16le");
  }

  /**
   * Returns the CRC-32 of the bytes from position `from` to `to`, also of those that were read, and
   * stays where it is: see the function `crc32`.
   * @throws {BufferError} ERR_OUT_OF_RANGE if `from` is greater than `to`
   */
  crc32(from: number, to: number): number {
    return crcFrom(this, IEEE, from, to);
  }

  /** Returns the CRC-32C, as `crc32` does. */
  crc32c(from: number, to: number): number {
    return crcFrom(this, CASTAGNOLI, from, to);
  }

  /**
   * Reads a number that is written in decimal digits, which may follow a minus. It ends before the
   * first byte that is no digit, or with the bytes: then more digits may come.
   * @throws {BufferError} ERR_MALFORMED if there is no digit; ERR_TOO_LARGE if it is no safe
   * integer or has more than 32 digits
   */
  decimal(): number {
    const { raw, at, end } = this;
    let next = at;
    let value = 0;
    for (; next < end && next < at + SHORT_DIGITS; next++) {
      const digit = raw[next] - ZERO;
      if (digit >>> 0 > 9) break;
      value = value * 10 + digit;
    }
    if (next === at || next === end || next === at + SHORT_DIGITS) return readDigits(this, 10);
    this.at = next;
    return value;
  }

  /** Reads a number in hexadecimal digits of any case, without a sign, as `decimal` does. */
  hex(): number {
    return readDigits(this, 16);
  }

  /**
   * Reads bytes as `bytes` does. The prefix says how many.
   * @throws {BufferError} ERR_TOO_LARGE if these are more than `maximum`
   */
  bytesPrefixed(prefix: LengthPrefix, maximum: number = this.maximum): SliceOf<S> {
    return this.sliceNext(this.prefixed(prefix, this.position, maximum));
  }

  /**
   * Returns a count of elements that was read, if so many can follow: each has `leastBytes` or
   * more. If there are fewer bytes, it is a short read: it returns 0, and a loop over the elements
   * does nothing. So no count makes a program do more than the bytes that came.
   *
   *     const count = reader.counted(reader.u32be(), 2);
   *     for (let index = 0; index < count && reader.ok; index++) {
   *       items.push(reader.utf8Prefixed("u16be"));
   *     }
   *
   * @throws {BufferError} ERR_TOO_LARGE if they have more than `maximum` bytes together, also when
   * these have not come yet; ERR_OUT_OF_RANGE
   */
  counted(count: number, leastBytes: number = 1, maximum: number = this.maximum): number {
    checkCount(count);
    checkRange("leastBytes", leastBytes, 1, Number.MAX_SAFE_INTEGER);
    checkMaximum(maximum);
    if (this.lacking > 0) return 0;
    const least = count * leastBytes;
    if (least > maximum) throw tooLarge("the least length", this.position, least, maximum);
    if (least <= this.remaining) return count;
    fallShort(this, this.position, least - bytesLeft(this));
    return 0;
  }

  /**
   * Reads `count` bits, 1 to 32, the highest first. Whatever is read next and is no bit field
   * begins at the next whole byte.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  bits(count: number): number {
    return takeBits(this, count);
  }

  /** Lets the next bit field begin at a whole byte, too. */
  align(): void {
    this.bitsLeft = 0;
  }

  /** Reads `count` bytes, which are there. `subarray` takes twice as long as a new view. */
  private sliceNext(count: number): SliceOf<S> {
    const { at, buffer } = this;
    checkSource(this);
    if (buffer === null) return sliceOf(this, count) as SliceOf<S>;
    const view = new Uint8Array(buffer, at, count);
    this.at = at + count;
    return view as SliceOf<S>;
  }

  /** Returns `count`, or 0 if some of these bytes are missing. */
  private whole(count: number): number {
    if (Number.isInteger(count) && count >= 0 && this.at + count <= this.end) return count;
    checkCount(count);
    if (count <= this.remaining) return count;
    fallShort(this, this.position, count - bytesLeft(this));
    return 0;
  }

  /** Reads a prefix. Returns the length that it says, or 0 if bytes are missing. */
  private prefixed(prefix: LengthPrefix, position: number, maximum: number): number {
    checkMaximum(maximum);
    checkSource(this);
    const pending = pendingBits(this);
    const count = this.prefix(prefix);
    if (!(count <= maximum)) {
      seekBack(this, position, pending);
      throw tooLarge("the length", position, count, maximum);
    }
    if (this.at + count <= this.end || count <= this.remaining) return count;
    fallShort(this, position, count - bytesLeft(this));
    return 0;
  }

  private prefix(prefix: LengthPrefix): number {
    switch (prefix) {
      case "u8":
        return this.u8();
      case "varint":
        return this.varint32();
      case "u16le":
        return this.u16le();
      case "u16be":
        return this.u16be();
      case "u32le":
        return this.u32le();
      case "u32be":
        return this.u32be();
      case "quic":
        return this.quic();
      default:
        throw invalid("prefix", prefix, PREFIXES);
    }
  }

  /** Reads text whose bytes are there. If it is malformed, the position goes back to `begin`. */
  private text(count: number, begin: number, pending: number): string {
    checkSource(this);
    const { at, raw } = this;
    const end = at + count;
    if (this.isStrict || end > this.end) return slowText(this, count, begin, pending);
    this.at = end;
    return readUtf8(raw, at, end);
  }

  private longPrefixed(prefix: LengthPrefix, maximum: number): string {
    const { position } = this;
    const pending = pendingBits(this);
    return this.text(this.prefixed(prefix, position, maximum), position, pending);
  }
}

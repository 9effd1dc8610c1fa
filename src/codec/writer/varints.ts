import { outOfRange } from "../../buffers/errors.js";
import { checkSafe, checkWhole } from "../checks.js";
import {
  LEB32_BYTES,
  leb32Length,
  leb64Length,
  putLeb32,
  putLeb64,
  putQuic,
  putSleb,
  QUIC_MAX,
  quicLength,
  slebLength,
} from "../varint.js";
import { high32, highWord, I64_MAX, I64_MIN, low32, U64_MAX, u64, zigzag } from "../words.js";
import { grow } from "./blocks.js";
import { WriterNumbers } from "./numbers.js";
import type { WriterState } from "./state.js";

const MOST = Number.MAX_SAFE_INTEGER;

/** Writes integers of variable length. */
export abstract class WriterVarints<
  B extends ArrayBufferLike = ArrayBufferLike,
> extends WriterNumbers<B> {
  /** Writes an unsigned LEB128 of 1 to 5 bytes. Negative numbers of protobuf: `int32`. */
  varint32(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || value >>> 0 !== value || at + LEB32_BYTES > this.limit) {
      longVarint32(this, value);
      return;
    }
    const { raw } = this;
    let left = value;
    // An array of bytes takes the lowest 8 bits.
    for (; left > 127; left >>>= 7) raw[at++] = left | 128;
    raw[at] = left;
    this.at = at + 1;
  }

  /** Writes an unsigned LEB128 of 64 bits: 1 to 10 bytes. */
  varint64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      throw outOfRange("varint64", value, 0n, U64_MAX, this.length);
    }
    u64[0] = value;
    this.leb64(low32[0], high32[0]);
  }

  /**
   * Writes a signed number of 32 bits in zigzag encoding, like sint32 of protobuf: 1 to 5 bytes.
   */
  zigzag32(value: number): void {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw outOfRange("zigzag32", value, -0x80000000, 0x7fffffff, this.length);
    }
    this.varint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /**
   * Writes a signed number of 64 bits in zigzag encoding, like sint64 of protobuf: 1 to 10 bytes.
   */
  zigzag64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw outOfRange("zigzag64", value, I64_MIN, I64_MAX, this.length);
    }
    u64[0] = value;
    zigzag();
    this.leb64(low32[0], high32[0]);
  }

  /** Writes int32, or an enum, of protobuf: a negative one has 10 bytes, so that int64 reads it. */
  int32(value: number): void {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw outOfRange("int32", value, -0x80000000, 0x7fffffff, this.length);
    }
    this.leb64(value >>> 0, value < 0 ? 0xffffffff : 0);
  }

  /** Writes int64 of protobuf: a negative one has 10 bytes. */
  int64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw outOfRange("int64", value, I64_MIN, I64_MAX, this.length);
    }
    u64[0] = value;
    this.leb64(low32[0], high32[0]);
  }

  /** Writes a signed LEB128 of 32 bits, as in WebAssembly and DWARF: 1 to 5 bytes. */
  sleb32(value: number): void {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw outOfRange("sleb32", value, -0x80000000, 0x7fffffff, this.length);
    }
    putSigned(this, value, value >> 31);
  }

  /** Writes a signed LEB128 of 64 bits: 1 to 10 bytes. */
  sleb64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw outOfRange("sleb64", value, I64_MIN, I64_MAX, this.length);
    }
    u64[0] = value;
    putSigned(this, low32[0] | 0, high32[0] | 0);
  }

  /** Writes a safe integer from 0 as `varint64` does. */
  varint64Number(value: number): void {
    checkSafe("varint64Number", value, 0, this.length);
    this.leb64(value >>> 0, highWord(value));
  }

  /** Writes a safe integer as `int64` does. */
  int64Number(value: number): void {
    checkSafe("int64Number", value, -MOST, this.length);
    this.leb64(value >>> 0, highWord(value) >>> 0);
  }

  /** Writes a safe integer as `zigzag64` does. */
  zigzag64Number(value: number): void {
    checkSafe("zigzag64Number", value, -MOST, this.length);
    low32[0] = value;
    high32[0] = highWord(value);
    zigzag();
    this.leb64(low32[0], high32[0]);
  }

  /** Writes a safe integer as `sleb64` does. */
  sleb64Number(value: number): void {
    checkSafe("sleb64Number", value, -MOST, this.length);
    putSigned(this, value | 0, highWord(value) | 0);
  }

  /** Writes an integer of QUIC, up to the largest safe integer: 1, 2, 4 or 8 bytes. */
  quic(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw outOfRange("quic", value, 0, Number.MAX_SAFE_INTEGER, this.length);
    }
    this.quicWords(value >>> 0, highWord(value));
  }

  /** Writes an integer of QUIC of up to 62 bits: 1, 2, 4 or 8 bytes. */
  quic64(value: bigint): void {
    if (typeof value !== "bigint" || value < 0n || value > QUIC_MAX) {
      throw outOfRange("quic64", value, 0n, QUIC_MAX, this.length);
    }
    u64[0] = value;
    this.quicWords(low32[0], high32[0]);
  }

  /** Writes two words as LEB128. */
  private leb64(low: number, high: number): void {
    const size = leb64Length(low, high);
    const at = this.at + size <= this.limit ? this.at : grow(this, size);
    putLeb64(this.raw, at, low, high);
    this.at = at + size;
  }

  private quicWords(low: number, high: number): void {
    const size = quicLength(low, high);
    const at = this.at + size <= this.limit ? this.at : grow(this, size);
    putQuic(this.data, at, size, low, high);
    this.at = at + size;
  }
}

/** Writes a varint that may not have room; refuses a value that a varint does not take. */
function longVarint32(writer: WriterState, value: number): void {
  checkWhole("varint32", value, 0xffffffff, writer.length);
  const size = leb32Length(value);
  const at = writer.at + size <= writer.limit ? writer.at : grow(writer, size);
  putLeb32(writer.raw, at, value);
  writer.at = at + size;
}

/** Writes two signed words as a signed LEB128. */
function putSigned(writer: WriterState, low: number, high: number): void {
  const size = slebLength(low, high);
  const at = writer.at + size <= writer.limit ? writer.at : grow(writer, size);
  putSleb(writer.raw, at, size, low, high);
  writer.at = at + size;
}

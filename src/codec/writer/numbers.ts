import { checkSafe, checkWhole } from "../checks.js";
import { checkField, FIELDS, type FieldName } from "../fields.js";
import { high32, highWord, low32, u64 } from "../words.js";
import { grow, place } from "./blocks.js";
import { WriterState } from "./state.js";

/**
 * Writes and patches numbers of fixed width. Each value is checked before anything is written.
 *
 * The methods are short in bytecode, for example with shifts where a mask would be a wide operand:
 * V8 inlines 920 bytes into the function that writes a message, and calls the rest.
 */
export abstract class WriterNumbers<
  B extends ArrayBufferLike = ArrayBufferLike,
> extends WriterState<B> {
  /** @internal A method, because its call is shorter in bytecode than that of a function. */
  roomFor(field: FieldName, value: unknown): number {
    return roomFor(this, field, value);
  }

  /**
   * Writes an unsigned byte; the other methods write what their names say.
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_TOO_LARGE, ERR_CLOSED
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  u8(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value & 0xff) !== value || at >= this.limit) {
      at = this.roomFor("u8", value);
    }
    this.raw[at] = value;
    this.at = at + 1;
  }

  i8(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 24) >> 24 !== value || at + 1 > this.limit) {
      at = this.roomFor("i8", value);
    }
    this.data.setInt8(at, value);
    this.at = at + 1;
  }

  u16le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 16) >>> 16 !== value || at + 2 > this.limit) {
      at = this.roomFor("u16le", value);
    }
    this.data.setUint16(at, value, true);
    this.at = at + 2;
  }

  u16be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 16) >>> 16 !== value || at + 2 > this.limit) {
      at = this.roomFor("u16be", value);
    }
    this.data.setUint16(at, value);
    this.at = at + 2;
  }

  i16le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 16) >> 16 !== value || at + 2 > this.limit) {
      at = this.roomFor("i16le", value);
    }
    this.data.setInt16(at, value, true);
    this.at = at + 2;
  }

  i16be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 16) >> 16 !== value || at + 2 > this.limit) {
      at = this.roomFor("i16be", value);
    }
    this.data.setInt16(at, value);
    this.at = at + 2;
  }

  u24le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 8) >>> 8 !== value || at + 3 > this.limit) {
      at = this.roomFor("u24le", value);
    }
    this.data.setUint16(at, value & 0xffff, true);
    this.raw[at + 2] = value >>> 16;
    this.at = at + 3;
  }

  u24be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 8) >>> 8 !== value || at + 3 > this.limit) {
      at = this.roomFor("u24be", value);
    }
    this.raw[at] = value >>> 16;
    this.data.setUint16(at + 1, value & 0xffff);
    this.at = at + 3;
  }

  i24le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 8) >> 8 !== value || at + 3 > this.limit) {
      at = this.roomFor("i24le", value);
    }
    this.data.setInt16(at, value, true);
    this.raw[at + 2] = value >> 16;
    this.at = at + 3;
  }

  i24be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value << 8) >> 8 !== value || at + 3 > this.limit) {
      at = this.roomFor("i24be", value);
    }
    this.raw[at] = value >> 16;
    this.data.setInt16(at + 1, value);
    this.at = at + 3;
  }

  u32le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || value >>> 0 !== value || at + 4 > this.limit) {
      at = this.roomFor("u32le", value);
    }
    this.data.setUint32(at, value, true);
    this.at = at + 4;
  }

  u32be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || value >>> 0 !== value || at + 4 > this.limit) {
      at = this.roomFor("u32be", value);
    }
    this.data.setUint32(at, value);
    this.at = at + 4;
  }

  i32le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value | 0) !== value || at + 4 > this.limit) {
      at = this.roomFor("i32le", value);
    }
    this.data.setInt32(at, value, true);
    this.at = at + 4;
  }

  i32be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || (value | 0) !== value || at + 4 > this.limit) {
      at = this.roomFor("i32be", value);
    }
    this.data.setInt32(at, value);
    this.at = at + 4;
  }

  u64le(value: bigint): void {
    let { at } = this;
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value || at + 8 > this.limit) {
      at = this.roomFor("u64le", value);
    }
    const { data } = this;
    u64[0] = value;
    data.setUint32(at, low32[0], true);
    data.setUint32(at + 4, high32[0], true);
    this.at = at + 8;
  }

  u64be(value: bigint): void {
    let { at } = this;
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value || at + 8 > this.limit) {
      at = this.roomFor("u64be", value);
    }
    const { data } = this;
    u64[0] = value;
    data.setUint32(at, high32[0]);
    data.setUint32(at + 4, low32[0]);
    this.at = at + 8;
  }

  i64le(value: bigint): void {
    let { at } = this;
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value || at + 8 > this.limit) {
      at = this.roomFor("i64le", value);
    }
    const { data } = this;
    u64[0] = value;
    data.setUint32(at, low32[0], true);
    data.setUint32(at + 4, high32[0], true);
    this.at = at + 8;
  }

  i64be(value: bigint): void {
    let { at } = this;
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value || at + 8 > this.limit) {
      at = this.roomFor("i64be", value);
    }
    const { data } = this;
    u64[0] = value;
    data.setUint32(at, high32[0]);
    data.setUint32(at + 4, low32[0]);
    this.at = at + 8;
  }

  /** Writes 64 bits from a safe integer. The three after it do so, too. */
  u64leNumber(value: number): void {
    checkSafe("u64leNumber", value, 0, this.length);
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setUint32(at, value, true);
    this.data.setUint32(at + 4, highWord(value), true);
    this.at = at + 8;
  }

  u64beNumber(value: number): void {
    checkSafe("u64beNumber", value, 0, this.length);
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setUint32(at + 4, value);
    this.data.setUint32(at, highWord(value));
    this.at = at + 8;
  }

  i64leNumber(value: number): void {
    checkSafe("i64leNumber", value, -Number.MAX_SAFE_INTEGER, this.length);
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setUint32(at, value, true);
    this.data.setUint32(at + 4, highWord(value), true);
    this.at = at + 8;
  }

  i64beNumber(value: number): void {
    checkSafe("i64beNumber", value, -Number.MAX_SAFE_INTEGER, this.length);
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setUint32(at + 4, value);
    this.data.setUint32(at, highWord(value));
    this.at = at + 8;
  }

  /** Writes any number, rounded to the nearest float of 32 bits. */
  f32le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || at + 4 > this.limit) at = this.roomFor("f32le", value);
    this.data.setFloat32(at, value, true);
    this.at = at + 4;
  }

  f32be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || at + 4 > this.limit) at = this.roomFor("f32be", value);
    this.data.setFloat32(at, value);
    this.at = at + 4;
  }

  f64le(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || at + 8 > this.limit) at = this.roomFor("f64le", value);
    this.data.setFloat64(at, value, true);
    this.at = at + 8;
  }

  f64be(value: number): void {
    let { at } = this;
    if (typeof value !== "number" || at + 8 > this.limit) at = this.roomFor("f64be", value);
    this.data.setFloat64(at, value);
    this.at = at + 8;
  }

  /**
   * Overwrites a byte that was written or reserved; the other methods overwrite several.
   * @throws {BufferError} ERR_OUT_OF_RANGE; ERR_NOT_CONTIGUOUS if the bytes lie in several parts,
   * or were appended
   */
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
}

/**
 * Makes room for a number of fixed width, or refuses the value. The callers test for both in one
 * condition. That keeps them short, so that V8 inlines all fields of a message into the function
 * that writes it.
 */
function roomFor(writer: WriterState, field: FieldName, value: unknown): number {
  checkField(field, value, writer.length);
  return grow(writer, FIELDS[field].bytes);
}

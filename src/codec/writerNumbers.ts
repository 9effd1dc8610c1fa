import { WriterBase } from "./writerBase.js";
import { grow, refuse } from "./writerCold.js";

/** Numbers of fixed width. Each is checked before anything is written. */
export abstract class WriterNumbers<
  B extends ArrayBufferLike = ArrayBufferLike,
> extends WriterBase<B> {
  /**
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_TOO_LARGE @throws {HeapError} as all that write.
   */
  u8(value: number): void {
    if ((value & 0xff) !== value) refuse("u8", value);
    let { at } = this;
    if (at >= this.limit) at = grow(this, 1);
    this.raw[at] = value;
    this.at = at + 1;
  }

  i8(value: number): void {
    if ((value << 24) >> 24 !== value) refuse("i8", value);
    let { at } = this;
    if (at + 1 > this.limit) at = grow(this, 1);
    this.data.setInt8(at, value);
    this.at = at + 1;
  }

  u16le(value: number): void {
    if ((value & 0xffff) !== value) refuse("u16le", value);
    let { at } = this;
    if (at + 2 > this.limit) at = grow(this, 2);
    this.data.setUint16(at, value, true);
    this.at = at + 2;
  }

  u16be(value: number): void {
    if ((value & 0xffff) !== value) refuse("u16be", value);
    let { at } = this;
    if (at + 2 > this.limit) at = grow(this, 2);
    this.data.setUint16(at, value);
    this.at = at + 2;
  }

  i16le(value: number): void {
    if ((value << 16) >> 16 !== value) refuse("i16le", value);
    let { at } = this;
    if (at + 2 > this.limit) at = grow(this, 2);
    this.data.setInt16(at, value, true);
    this.at = at + 2;
  }

  i16be(value: number): void {
    if ((value << 16) >> 16 !== value) refuse("i16be", value);
    let { at } = this;
    if (at + 2 > this.limit) at = grow(this, 2);
    this.data.setInt16(at, value);
    this.at = at + 2;
  }

  u24le(value: number): void {
    if ((value & 0xffffff) !== value) refuse("u24le", value);
    let { at } = this;
    if (at + 3 > this.limit) at = grow(this, 3);
    this.data.setUint16(at, value & 0xffff, true);
    this.raw[at + 2] = value >>> 16;
    this.at = at + 3;
  }

  u24be(value: number): void {
    if ((value & 0xffffff) !== value) refuse("u24be", value);
    let { at } = this;
    if (at + 3 > this.limit) at = grow(this, 3);
    this.raw[at] = value >>> 16;
    this.data.setUint16(at + 1, value & 0xffff);
    this.at = at + 3;
  }

  u32le(value: number): void {
    if (value >>> 0 !== value) refuse("u32le", value);
    let { at } = this;
    if (at + 4 > this.limit) at = grow(this, 4);
    this.data.setUint32(at, value, true);
    this.at = at + 4;
  }

  u32be(value: number): void {
    if (value >>> 0 !== value) refuse("u32be", value);
    let { at } = this;
    if (at + 4 > this.limit) at = grow(this, 4);
    this.data.setUint32(at, value);
    this.at = at + 4;
  }

  i32le(value: number): void {
    if ((value | 0) !== value) refuse("i32le", value);
    let { at } = this;
    if (at + 4 > this.limit) at = grow(this, 4);
    this.data.setInt32(at, value, true);
    this.at = at + 4;
  }

  i32be(value: number): void {
    if ((value | 0) !== value) refuse("i32be", value);
    let { at } = this;
    if (at + 4 > this.limit) at = grow(this, 4);
    this.data.setInt32(at, value);
    this.at = at + 4;
  }

  u64le(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      refuse("u64le", value);
    }
    let { at } = this;
    if (at + 8 > this.limit) at = grow(this, 8);
    this.data.setBigUint64(at, value, true);
    this.at = at + 8;
  }

  u64be(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      refuse("u64be", value);
    }
    let { at } = this;
    if (at + 8 > this.limit) at = grow(this, 8);
    this.data.setBigUint64(at, value);
    this.at = at + 8;
  }

  i64le(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      refuse("i64le", value);
    }
    let { at } = this;
    if (at + 8 > this.limit) at = grow(this, 8);
    this.data.setBigInt64(at, value, true);
    this.at = at + 8;
  }

  i64be(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      refuse("i64be", value);
    }
    let { at } = this;
    if (at + 8 > this.limit) at = grow(this, 8);
    this.data.setBigInt64(at, value);
    this.at = at + 8;
  }

  /** Any number, rounded to the nearest that 32 bits have. */
  f32le(value: number): void {
    if (typeof value !== "number") refuse("f32le", value);
    let { at } = this;
    if (at + 4 > this.limit) at = grow(this, 4);
    this.data.setFloat32(at, value, true);
    this.at = at + 4;
  }

  f32be(value: number): void {
    if (typeof value !== "number") refuse("f32be", value);
    let { at } = this;
    if (at + 4 > this.limit) at = grow(this, 4);
    this.data.setFloat32(at, value);
    this.at = at + 4;
  }

  f64le(value: number): void {
    if (typeof value !== "number") refuse("f64le", value);
    let { at } = this;
    if (at + 8 > this.limit) at = grow(this, 8);
    this.data.setFloat64(at, value, true);
    this.at = at + 8;
  }

  f64be(value: number): void {
    if (typeof value !== "number") refuse("f64be", value);
    let { at } = this;
    if (at + 8 > this.limit) at = grow(this, 8);
    this.data.setFloat64(at, value);
    this.at = at + 8;
  }
}

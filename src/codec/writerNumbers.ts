import { invalid, refused } from "./errors.js";
import { WriterBase } from "./writerBase.js";
import { grow } from "./writerCold.js";

const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;
const U64_MAX = 2n ** 64n - 1n;

/** Numbers of fixed width. Each is checked before anything is written. */
export abstract class WriterNumbers<
  B extends ArrayBufferLike = ArrayBufferLike,
> extends WriterBase<B> {
  /**
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_TOO_LARGE @throws {HeapError} as all that write.
   */
  u8(value: number): void {
    if ((value & 0xff) !== value) throw refused("u8", value, 0, 0xff);
    const at = this.at < this.limit ? this.at : grow(this, 1);
    this.raw[at] = value;
    this.at = at + 1;
  }

  i8(value: number): void {
    if ((value << 24) >> 24 !== value) throw refused("i8", value, -0x80, 0x7f);
    const at = this.at + 1 <= this.limit ? this.at : grow(this, 1);
    this.data.setInt8(at, value);
    this.at = at + 1;
  }

  u16le(value: number): void {
    if ((value & 0xffff) !== value) throw refused("u16le", value, 0, 0xffff);
    const at = this.at + 2 <= this.limit ? this.at : grow(this, 2);
    this.data.setUint16(at, value, true);
    this.at = at + 2;
  }

  u16be(value: number): void {
    if ((value & 0xffff) !== value) throw refused("u16be", value, 0, 0xffff);
    const at = this.at + 2 <= this.limit ? this.at : grow(this, 2);
    this.data.setUint16(at, value);
    this.at = at + 2;
  }

  i16le(value: number): void {
    if ((value << 16) >> 16 !== value) throw refused("i16le", value, -0x8000, 0x7fff);
    const at = this.at + 2 <= this.limit ? this.at : grow(this, 2);
    this.data.setInt16(at, value, true);
    this.at = at + 2;
  }

  i16be(value: number): void {
    if ((value << 16) >> 16 !== value) throw refused("i16be", value, -0x8000, 0x7fff);
    const at = this.at + 2 <= this.limit ? this.at : grow(this, 2);
    this.data.setInt16(at, value);
    this.at = at + 2;
  }

  u24le(value: number): void {
    if ((value & 0xffffff) !== value) throw refused("u24le", value, 0, 0xffffff);
    const at = this.at + 3 <= this.limit ? this.at : grow(this, 3);
    this.data.setUint16(at, value & 0xffff, true);
    this.raw[at + 2] = value >>> 16;
    this.at = at + 3;
  }

  u24be(value: number): void {
    if ((value & 0xffffff) !== value) throw refused("u24be", value, 0, 0xffffff);
    const at = this.at + 3 <= this.limit ? this.at : grow(this, 3);
    this.raw[at] = value >>> 16;
    this.data.setUint16(at + 1, value & 0xffff);
    this.at = at + 3;
  }

  u32le(value: number): void {
    if (value >>> 0 !== value) throw refused("u32le", value, 0, 0xffffffff);
    const at = this.at + 4 <= this.limit ? this.at : grow(this, 4);
    this.data.setUint32(at, value, true);
    this.at = at + 4;
  }

  u32be(value: number): void {
    if (value >>> 0 !== value) throw refused("u32be", value, 0, 0xffffffff);
    const at = this.at + 4 <= this.limit ? this.at : grow(this, 4);
    this.data.setUint32(at, value);
    this.at = at + 4;
  }

  i32le(value: number): void {
    if ((value | 0) !== value) throw refused("i32le", value, -0x80000000, 0x7fffffff);
    const at = this.at + 4 <= this.limit ? this.at : grow(this, 4);
    this.data.setInt32(at, value, true);
    this.at = at + 4;
  }

  i32be(value: number): void {
    if ((value | 0) !== value) throw refused("i32be", value, -0x80000000, 0x7fffffff);
    const at = this.at + 4 <= this.limit ? this.at : grow(this, 4);
    this.data.setInt32(at, value);
    this.at = at + 4;
  }

  u64le(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      throw refused("u64le", value, 0n, U64_MAX);
    }
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setBigUint64(at, value, true);
    this.at = at + 8;
  }

  u64be(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      throw refused("u64be", value, 0n, U64_MAX);
    }
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setBigUint64(at, value);
    this.at = at + 8;
  }

  i64le(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw refused("i64le", value, I64_MIN, I64_MAX);
    }
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setBigInt64(at, value, true);
    this.at = at + 8;
  }

  i64be(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw refused("i64be", value, I64_MIN, I64_MAX);
    }
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setBigInt64(at, value);
    this.at = at + 8;
  }

  /** Any number, rounded to the nearest that 32 bits have. */
  f32le(value: number): void {
    if (typeof value !== "number") throw invalid("f32le", value, "a number");
    const at = this.at + 4 <= this.limit ? this.at : grow(this, 4);
    this.data.setFloat32(at, value, true);
    this.at = at + 4;
  }

  f32be(value: number): void {
    if (typeof value !== "number") throw invalid("f32be", value, "a number");
    const at = this.at + 4 <= this.limit ? this.at : grow(this, 4);
    this.data.setFloat32(at, value);
    this.at = at + 4;
  }

  f64le(value: number): void {
    if (typeof value !== "number") throw invalid("f64le", value, "a number");
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setFloat64(at, value, true);
    this.at = at + 8;
  }

  f64be(value: number): void {
    if (typeof value !== "number") throw invalid("f64be", value, "a number");
    const at = this.at + 8 <= this.limit ? this.at : grow(this, 8);
    this.data.setFloat64(at, value);
    this.at = at + 8;
  }
}

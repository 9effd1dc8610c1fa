import type { Bytes } from "../../buffers/internal.js";
import { joinWords } from "../words.js";
import { assemble, slowNumber } from "./parts.js";
import { ReaderState } from "./state.js";

/** Reads numbers of fixed width. If bytes are missing, a read returns 0: see `missing`. */
export abstract class ReaderNumbers<
  S extends Bytes | Uint8Array = Bytes | Uint8Array,
> extends ReaderState<S> {
  u8(): number {
    const { at } = this;
    if (at >= this.end) return assemble(this, 1).getUint8(0);
    this.at = at + 1;
    return this.raw[at];
  }

  i8(): number {
    const { at } = this;
    if (at + 1 > this.end) return assemble(this, 1).getInt8(0);
    this.at = at + 1;
    return this.data.getInt8(at);
  }

  u16le(): number {
    const { at } = this;
    if (at + 2 > this.end) return assemble(this, 2).getUint16(0, true);
    this.at = at + 2;
    return this.data.getUint16(at, true);
  }

  u16be(): number {
    const { at } = this;
    if (at + 2 > this.end) return assemble(this, 2).getUint16(0);
    this.at = at + 2;
    return this.data.getUint16(at);
  }

  i16le(): number {
    const { at } = this;
    if (at + 2 > this.end) return assemble(this, 2).getInt16(0, true);
    this.at = at + 2;
    return this.data.getInt16(at, true);
  }

  i16be(): number {
    const { at } = this;
    if (at + 2 > this.end) return assemble(this, 2).getInt16(0);
    this.at = at + 2;
    return this.data.getInt16(at);
  }

  u24le(): number {
    const { at } = this;
    if (at + 3 > this.end) return assemble(this, 3).getUint32(0, true);
    this.at = at + 3;
    return this.data.getUint16(at, true) | (this.raw[at + 2] << 16);
  }

  u24be(): number {
    const { at } = this;
    if (at + 3 > this.end) return assemble(this, 3).getUint32(0) >>> 8;
    this.at = at + 3;
    return (this.raw[at] << 16) | this.data.getUint16(at + 1);
  }

  i24le(): number {
    return (this.u24le() << 8) >> 8;
  }

  i24be(): number {
    return (this.u24be() << 8) >> 8;
  }

  u32le(): number {
    const { at } = this;
    if (at + 4 > this.end) return assemble(this, 4).getUint32(0, true);
    this.at = at + 4;
    return this.data.getUint32(at, true);
  }

  u32be(): number {
    const { at } = this;
    if (at + 4 > this.end) return assemble(this, 4).getUint32(0);
    this.at = at + 4;
    return this.data.getUint32(at);
  }

  i32le(): number {
    const { at } = this;
    if (at + 4 > this.end) return assemble(this, 4).getInt32(0, true);
    this.at = at + 4;
    return this.data.getInt32(at, true);
  }

  i32be(): number {
    const { at } = this;
    if (at + 4 > this.end) return assemble(this, 4).getInt32(0);
    this.at = at + 4;
    return this.data.getInt32(at);
  }

  u64le(): bigint {
    const { at } = this;
    if (at + 8 > this.end) return assemble(this, 8).getBigUint64(0, true);
    this.at = at + 8;
    return this.data.getBigUint64(at, true);
  }

  u64be(): bigint {
    const { at } = this;
    if (at + 8 > this.end) return assemble(this, 8).getBigUint64(0);
    this.at = at + 8;
    return this.data.getBigUint64(at);
  }

  i64le(): bigint {
    const { at } = this;
    if (at + 8 > this.end) return assemble(this, 8).getBigInt64(0, true);
    this.at = at + 8;
    return this.data.getBigInt64(at, true);
  }

  i64be(): bigint {
    const { at } = this;
    if (at + 8 > this.end) return assemble(this, 8).getBigInt64(0);
    this.at = at + 8;
    return this.data.getBigInt64(at);
  }

  /**
   * Reads 64 bits as a number, which costs less than a bigint.
   * @throws {BufferError} ERR_TOO_LARGE if it is no safe integer: see `u64le`
   */
  u64leNumber(): number {
    const { at, data } = this;
    if (at + 8 <= this.end) {
      const value = joinWords(data.getUint32(at, true), data.getUint32(at + 4, true));
      if (value <= Number.MAX_SAFE_INTEGER) {
        this.at = at + 8;
        return value;
      }
    }
    return slowNumber(this, true, false);
  }

  u64beNumber(): number {
    const { at, data } = this;
    if (at + 8 <= this.end) {
      const value = joinWords(data.getUint32(at + 4), data.getUint32(at));
      if (value <= Number.MAX_SAFE_INTEGER) {
        this.at = at + 8;
        return value;
      }
    }
    return slowNumber(this, false, false);
  }

  i64leNumber(): number {
    const { at, data } = this;
    if (at + 8 <= this.end) {
      const value = joinWords(data.getUint32(at, true), data.getInt32(at + 4, true));
      if (Number.isSafeInteger(value)) {
        this.at = at + 8;
        return value;
      }
    }
    return slowNumber(this, true, true);
  }

  i64beNumber(): number {
    const { at, data } = this;
    if (at + 8 <= this.end) {
      const value = joinWords(data.getUint32(at + 4), data.getInt32(at));
      if (Number.isSafeInteger(value)) {
        this.at = at + 8;
        return value;
      }
    }
    return slowNumber(this, false, true);
  }

  f32le(): number {
    const { at } = this;
    if (at + 4 > this.end) return assemble(this, 4).getFloat32(0, true);
    this.at = at + 4;
    return this.data.getFloat32(at, true);
  }

  f32be(): number {
    const { at } = this;
    if (at + 4 > this.end) return assemble(this, 4).getFloat32(0);
    this.at = at + 4;
    return this.data.getFloat32(at);
  }

  f64le(): number {
    const { at } = this;
    if (at + 8 > this.end) return assemble(this, 8).getFloat64(0, true);
    this.at = at + 8;
    return this.data.getFloat64(at, true);
  }

  f64be(): number {
    const { at } = this;
    if (at + 8 > this.end) return assemble(this, 8).getFloat64(0);
    this.at = at + 8;
    return this.data.getFloat64(at);
  }
}

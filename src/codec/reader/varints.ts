import type { Bytes } from "../../buffers/internal.js";
import { findLebEnd, LEB32_BYTES, LEB64_BYTES, takeLeb64, takeSleb64 } from "../varint.js";
import { high32, i64, joinWords, low32, u64, unzigzag } from "../words.js";
import { ReaderNumbers } from "./numbers.js";
import {
  assemble,
  checkSafe,
  fallShort,
  pendingBits,
  scratch,
  seekBack,
  takeLeb,
  tooLong,
} from "./parts.js";
import type { ReaderState } from "./state.js";

/** Reads integers of variable length. */
export abstract class ReaderVarints<
  S extends Bytes | Uint8Array = Bytes | Uint8Array,
> extends ReaderNumbers<S> {
  /**
   * Reads an unsigned LEB128 of 32 bits. An int32 of protobuf may be negative and longer: `int32`.
   * @throws {BufferError} ERR_MALFORMED if it is longer
   */
  varint32(): number {
    const { at } = this;
    if (at < this.end) {
      const byte = this.raw[at];
      if (byte < 128) {
        this.at = at + 1;
        return byte;
      }
    }
    return this.longVarint32();
  }

  /** Reads an unsigned LEB128 of 64 bits. @throws {BufferError} ERR_MALFORMED if it is longer */
  varint64(): bigint {
    this.leb64();
    return u64[0];
  }

  /** Reads a signed number of 32 bits in zigzag encoding, like sint32 of protobuf. */
  zigzag32(): number {
    const value = this.varint32();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Reads a signed number of 64 bits in zigzag encoding, like sint64 of protobuf. */
  zigzag64(): bigint {
    this.leb64();
    unzigzag();
    return i64[0];
  }

  /**
   * Reads int32, or an enum, of protobuf: a negative one has 10 bytes, or 5 from some encoders.
   * What has more than 32 bits is cut to the lowest 32, as protobuf does; `>>> 0` makes uint32 of
   * it.
   * @throws {BufferError} ERR_MALFORMED if it has more than 64 bits
   */
  int32(): number {
    const { at } = this;
    if (at < this.end) {
      const byte = this.raw[at];
      if (byte < 128) {
        this.at = at + 1;
        return byte;
      }
    }
    this.leb64();
    return low32[0] | 0;
  }

  /** Reads int64 of protobuf: a negative one has 10 bytes. @throws as `varint64` */
  int64(): bigint {
    this.leb64();
    return i64[0];
  }

  /**
   * Reads a signed LEB128 of 32 bits, as in WebAssembly and DWARF.
   * @throws {BufferError} ERR_MALFORMED if it has more than 5 bytes, or bits beyond the 32 that are
   * not like the sign
   */
  sleb32(): number {
    const { at } = this;
    if (at < this.end) {
      const byte = this.raw[at];
      if (byte < 128) {
        this.at = at + 1;
        return (byte << 25) >> 25;
      }
    }
    return longSleb32(this);
  }

  /** Reads a signed LEB128 of 64 bits, of up to 10 bytes, as `sleb32` does. */
  sleb64(): bigint {
    longLeb64(this, takeSleb64);
    return i64[0];
  }

  /**
   * Reads as `varint64`, but a number, which costs less.
   * @throws {BufferError} ERR_MALFORMED; ERR_TOO_LARGE if it is no safe integer
   */
  varint64Number(): number {
    const { at } = this;
    if (at < this.end) {
      const byte = this.raw[at];
      if (byte < 128) {
        this.at = at + 1;
        return byte;
      }
    }
    const { position } = this;
    const pending = pendingBits(this);
    this.leb64();
    return checkSafe(this, joinWords(low32[0], high32[0]), position, pending);
  }

  /** Reads as `int64`, but a number. @throws as `varint64Number` */
  int64Number(): number {
    const { position } = this;
    const pending = pendingBits(this);
    this.leb64();
    return checkSafe(this, joinWords(low32[0], high32[0] | 0), position, pending);
  }

  /** Reads as `zigzag64`, but a number. @throws as `varint64Number` */
  zigzag64Number(): number {
    const { position } = this;
    const pending = pendingBits(this);
    this.leb64();
    unzigzag();
    return checkSafe(this, joinWords(low32[0], high32[0] | 0), position, pending);
  }

  /** Reads as `sleb64`, but a number. @throws as `varint64Number` */
  sleb64Number(): number {
    const { position } = this;
    const pending = pendingBits(this);
    longLeb64(this, takeSleb64);
    return checkSafe(this, joinWords(low32[0], high32[0] | 0), position, pending);
  }

  /**
   * Reads an integer of QUIC.
   * @throws {BufferError} ERR_TOO_LARGE if it is no safe integer: see `quic64`
   */
  quic(): number {
    const { position } = this;
    const pending = pendingBits(this);
    this.quicWords();
    return checkSafe(this, joinWords(low32[0], high32[0]), position, pending);
  }

  /** Reads an integer of QUIC, which has up to 62 bits. */
  quic64(): bigint {
    this.quicWords();
    return u64[0];
  }

  private longVarint32(): number {
    const { position, raw, at } = this;
    if (at + LEB32_BYTES <= this.end) {
      let value = 0;
      for (let index = 0; index < LEB32_BYTES; index++) {
        const byte = raw[at + index];
        value |= (byte & 127) << (7 * index);
        if (byte < 128 && (index < LEB32_BYTES - 1 || byte < 16)) {
          this.at = at + index + 1;
          return value >>> 0;
        }
      }
      throw tooLong(position, LEB32_BYTES);
    }
    const pending = pendingBits(this);
    const length = takeLeb(this, LEB32_BYTES);
    const last = scratch[LEB32_BYTES - 1];
    if (length === LEB32_BYTES && last > 15) {
      seekBack(this, position, pending);
      throw tooLong(position, LEB32_BYTES);
    }
    takeLeb64(scratch, 0, length);
    return low32[0];
  }

  /** Reads a LEB128 into the two words. */
  private leb64(): void {
    const { at, raw } = this;
    if (at + LEB64_BYTES <= this.end) {
      const length = findLebEnd(raw, at, at + LEB64_BYTES);
      if (length > 0 && takeLeb64(raw, at, length)) {
        this.at = at + length;
        return;
      }
    }
    longLeb64(this, takeLeb64);
  }

  /** Reads an integer of QUIC into the two words. */
  private quicWords(): void {
    const { position } = this;
    const first = this.u8();
    const length = 2 ** (first >>> 6);
    const rest = length - 1;
    u64[0] = 0n;
    if (this.missing > 0) return;
    if (rest > this.remaining) {
      fallShort(this, position, rest - this.remaining);
      return;
    }
    const view = assemble(this, rest);
    let low = first & 0x3f;
    let high = 0;
    for (let index = 0; index < rest; index++) {
      high = ((high << 8) | (low >>> 24)) >>> 0;
      low = ((low << 8) | view.getUint8(index)) >>> 0;
    }
    low32[0] = low;
    high32[0] = high;
  }
}

/** Reads a LEB128 of up to 64 bits into the two words. */
function longLeb64(reader: ReaderState, take: typeof takeLeb64): void {
  const { position } = reader;
  const pending = pendingBits(reader);
  const length = takeLeb(reader, LEB64_BYTES);
  if (take(scratch, 0, length)) return;
  seekBack(reader, position, pending);
  throw tooLong(position, LEB64_BYTES);
}

function longSleb32(reader: ReaderState): number {
  const { position } = reader;
  const pending = pendingBits(reader);
  const length = takeLeb(reader, LEB32_BYTES);
  takeSleb64(scratch, 0, length);
  // The bits from the sign on, of which all but the sign have no room in 32 bits.
  const surplus = length === LEB32_BYTES ? scratch[LEB32_BYTES - 1] & 0x78 : 0;
  if (surplus === 0 || surplus === 0x78) return low32[0] | 0;
  seekBack(reader, position, pending);
  throw tooLong(position, LEB32_BYTES);
}

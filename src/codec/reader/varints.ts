import type { Bytes } from "../../buffers/internal.js";
import { tooLarge } from "../checks.js";
import { LEB32_BYTES, LEB64_BYTES, takeLeb64 } from "../varint.js";
import { high32, i64, joinWords, low32, u64, unzigzag } from "../words.js";
import { ReaderNumbers } from "./numbers.js";
import { assemble, fallShort, pendingBits, scratch, seekBack, takeLeb, tooLong } from "./parts.js";

/** Reads integers of variable length. */
export abstract class ReaderVarints<
  S extends Bytes | Uint8Array = Bytes | Uint8Array,
> extends ReaderNumbers<S> {
  /** Reads an unsigned LEB128 of 32 bits. @throws {BufferError} ERR_MALFORMED if it is longer */
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
   * Reads an integer of QUIC.
   * @throws {BufferError} ERR_TOO_LARGE if it is no safe integer: see `quic64`
   */
  quic(): number {
    const { position } = this;
    const pending = pendingBits(this);
    this.quicWords();
    const value = joinWords(low32[0], high32[0]);
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    seekBack(this, position, pending);
    throw tooLarge("the integer", position, value, Number.MAX_SAFE_INTEGER);
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
    const { position } = this;
    const pending = pendingBits(this);
    const length = takeLeb(this, LEB64_BYTES);
    if (takeLeb64(scratch, 0, length)) return;
    seekBack(this, position, pending);
    throw tooLong(position, LEB64_BYTES);
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

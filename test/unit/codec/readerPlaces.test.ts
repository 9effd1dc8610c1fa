import { describe, expect, it } from "vitest";
import { type Bytes, BytesPool } from "../../../src/buffers/index.js";
import { Reader } from "../../../src/codec/index.js";
import { wrong } from "../help.js";
import { everyWay, onHeap, refusal, singles } from "./support.js";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const NO_PLACES = [-1, 0.5, Number.NaN, Infinity, ...["1", 1n, null, {}].map(wrong<number>)];

describe("reset to a part of the bytes", () => {
  const input = bytes(9, 9, 1, 2, 3, 4, 9);

  /** The same bytes as an array, in one part, and in parts of one byte, with empty ones. */
  function everySource(action: (reader: Reader, source: Uint8Array | Bytes) => void): void {
    action(new Reader(bytes(7)), input);
    const inside = new Uint8Array(20);
    inside.set(input, 5);
    action(new Reader(bytes(7)), inside.subarray(5, 12));
    onHeap((heap) => {
      const pool = new BytesPool(heap);
      const whole = pool.from(input);
      const parts = singles(pool, input);
      for (const source of [whole, parts]) action(new Reader(source), source);
      whole.release();
      parts.release();
    });
  }

  it("reads nothing before and after it; position 0 is where it begins", () => {
    everySource((reader, source) => {
      for (const round of [0, 1]) {
        reader.reset(source, 2, 4);
        expect([reader.position, reader.remaining, reader.missing]).toEqual([0, 4, 0]);
        expect(reader.u32be(), `round ${round}`).toBe(0x1020304);
        expect([reader.u8(), reader.missing, reader.position]).toEqual([0, 1, 4]);
        reader.rewind();
        expect([reader.u8(), reader.position]).toEqual([1, 1]);
        const slice = reader.bytes(2);
        expect([...slice]).toEqual([2, 3]);
        if (!(slice instanceof Uint8Array)) slice.release();
        expect([...reader.copy(1)]).toEqual([4]);
        reader.rewind();
        reader.u16be();
        reader.mark();
        expect([reader.utf8(2), reader.remaining]).toEqual(["\x03\x04", 0]);
        reader.rewind();
        expect([reader.position, reader.u16be()]).toEqual([2, 0x304]);
      }
      reader.reset(source, 6);
      expect([reader.remaining, reader.u8()]).toEqual([1, 9]);
      for (const empty of [0, 3, 7]) {
        reader.reset(source, empty, 0);
        expect([reader.remaining, reader.u8(), reader.missing]).toEqual([0, 0, 1]);
      }
      reader.reset(source);
      expect([reader.position, reader.remaining]).toEqual([0, 7]);
    });
  });

  it("a place that is not within them leaves the reader as it was", () => {
    everySource((reader, source) => {
      reader.reset(source, 1);
      reader.u8();
      for (const place of [...NO_PLACES, 8]) {
        refusal(() => reader.reset(source, place), "ERR_OUT_OF_RANGE");
        if (place === 8) continue;
        refusal(() => reader.reset(source, 1, place), "ERR_OUT_OF_RANGE");
      }
      refusal(() => reader.reset(source, 1, 7), "ERR_OUT_OF_RANGE");
      refusal(() => reader.reset(wrong<Uint8Array>([1]), 1), "ERR_INVALID_ARGUMENT");
      expect([reader.position, reader.u8(), reader.remaining]).toEqual([1, 1, 4]);
    });
  });

  it("bytes that were released, and arrays that were detached", () => {
    onHeap((heap) => {
      const gone = new BytesPool(heap).from("gone");
      const reader = new Reader<Uint8Array | Bytes>(bytes(5));
      reader.reset(gone, 1);
      gone.release();
      refusal(() => reader.utf8(1), "ERR_RELEASED");
      refusal(() => reader.reset(gone, 1), "ERR_RELEASED");
      const array = bytes(1, 2, 3);
      reader.reset(array, 1, 1);
      structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
      refusal(() => reader.copy(1), "ERR_INVALID_ARGUMENT");
      refusal(() => reader.decimal(), "ERR_INVALID_ARGUMENT");
      refusal(() => reader.reset(array, 0, 0), "ERR_INVALID_ARGUMENT");
    });
  });
});

describe("seek and peek", () => {
  it("go to each place, and show each byte from there", () => {
    const input = bytes(10, 11, 12, 13);
    everyWay(input, (reader) => {
      for (let from = 0; from <= 4; from++) {
        for (let to = 0; to <= 4; to++) {
          reader.seek(from);
          reader.seek(to);
          expect([reader.position, reader.remaining]).toEqual([to, 4 - to]);
          for (let ahead = 0; ahead < 4 - to; ahead++) {
            expect(reader.peek(ahead)).toBe(10 + to + ahead);
          }
          expect(reader.position).toBe(to);
          if (to < 4) expect([reader.peek(), reader.u8()]).toEqual([10 + to, 10 + to]);
        }
      }
      expect(reader.ok).toBe(true);
    });
  });

  it("beyond the bytes they are short reads, and nothing is read before rewind", () => {
    everyWay(bytes(1, 2, 3), (reader) => {
      reader.u8();
      reader.mark();
      for (const [act, missing] of [
        [() => reader.seek(8), 5],
        [() => reader.peek(2), 1],
        [() => reader.peek(9), 8],
      ] as const) {
        expect(act() ?? 0).toBe(0);
        expect([reader.missing, reader.ok, reader.position]).toEqual([missing, false, 1]);
        reader.seek(0);
        reader.seek(100);
        expect([reader.peek(), reader.peek(7), reader.u8(), reader.decimal()]).toEqual([
          0, 0, 0, 0,
        ]);
        expect([reader.missing, reader.position, reader.remaining]).toEqual([missing, 1, 0]);
        reader.rewind();
        expect([reader.peek(), reader.ok]).toEqual([2, true]);
      }
    });
  });

  it("refuse what is no place, and do not move", () => {
    everyWay(bytes(1, 2), (reader) => {
      reader.u8();
      for (const place of NO_PLACES) {
        refusal(() => reader.seek(place), "ERR_OUT_OF_RANGE");
        refusal(() => reader.peek(place), "ERR_OUT_OF_RANGE");
      }
      expect([reader.position, reader.missing, reader.peek()]).toEqual([1, 0, 2]);
    });
  });

  it("bit fields: seek begins at a whole byte, and peek changes nothing", () => {
    everyWay(bytes(0b10110011, 0b01010101), (reader) => {
      expect([reader.bits(3), reader.peek(), reader.bits(5)]).toEqual([0b101, 0b01010101, 0b10011]);
      reader.seek(0);
      expect(reader.bits(4)).toBe(0b1011);
      reader.seek(1);
      expect(reader.bits(4)).toBe(0b0101);
    });
  });
});

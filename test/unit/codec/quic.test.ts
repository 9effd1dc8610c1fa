import { describe, expect, it } from "vitest";
import { Writer } from "../../../src/codec/index.js";
import { everyCut, onHeap, refusal } from "./support.js";

const unhex = (text: string): number[] => [...Buffer.from(text, "hex")];

/** The samples of RFC 9000, appendix A.1. The last is not in its shortest form. */
const SAMPLES = [
  ["c2197c5eff14e88c", 151_288_809_941_952_652n],
  ["9d7f3e7d", 494_878_333n],
  ["7bbd", 15_293n],
  ["25", 37n],
  ["4025", 37n],
] as const;

/** How many bytes there are, and the most that they say. */
const LENGTHS = [
  [1, 2n ** 6n - 1n],
  [2, 2n ** 14n - 1n],
  [4, 2n ** 30n - 1n],
  [8, 2n ** 62n - 1n],
] as const;

function encode(value: bigint, length: number): number[] {
  const hex = value.toString(16).padStart(2 * length, "0");
  const bytes = unhex(hex);
  bytes[0] = (bytes[0] as number) | (Math.log2(length) << 6);
  return bytes;
}

function expectRead(bytes: readonly number[], value: bigint): void {
  everyCut(Uint8Array.of(...bytes, 7), (reader) => {
    expect([reader.quic64(), reader.position]).toEqual([value, bytes.length]);
    reader.rewind();
    if (value <= 2n ** 53n - 1n) {
      expect([reader.quic(), reader.u8()]).toEqual([Number(value), 7]);
    } else {
      expect(refusal(() => reader.quic(), "ERR_TOO_LARGE").details.position).toBe(0);
      expect(reader.position).toBe(0);
    }
  });
  for (let there = 0; there < bytes.length; there++) {
    everyCut(Uint8Array.from(bytes.slice(0, there)), (reader) => {
      expect([reader.quic64(), reader.quic(), reader.position]).toEqual([0n, 0, 0]);
      expect(reader.missing).toBe(there === 0 ? 1 : bytes.length - there);
    });
  }
}

describe("integers of QUIC", () => {
  it.each(SAMPLES)("%s is %i", (hex, value) => {
    expectRead(unhex(hex), value);
  });

  it.each(LENGTHS)("%i bytes, also of values that need fewer", (length, most) => {
    for (const [, edge] of LENGTHS) {
      for (const value of [0n, edge - 1n, edge, edge + 1n]) {
        if (value <= most) expectRead(encode(value, length), value);
      }
    }
  });

  it("are written in the fewest bytes", () => {
    onHeap((heap) => {
      const writer = new Writer(heap, { initial: 1, grow: "chain" });
      let least = 0n;
      for (const [length, most] of LENGTHS) {
        for (const value of [least, least + 1n, (least + most) / 2n, most - 1n, most]) {
          for (const isNumber of [false, true]) {
            if (isNumber && value > 2n ** 53n - 1n) continue;
            if (isNumber) writer.quic(Number(value));
            else writer.quic64(value);
            const written = writer.finish();
            expect([...written]).toEqual(encode(value, length));
            written.release();
          }
        }
        least = most + 1n;
      }
      refusal(() => writer.quic64(least), "ERR_OUT_OF_RANGE");
      writer[Symbol.dispose]();
    });
  });
});

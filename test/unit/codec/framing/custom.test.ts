import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../../src/buffers/index.js";
import { type FrameFinder, framerOf, type Reader } from "../../../../src/codec/index.js";
import { ascii, type Bench, collect, expectNothingLeft, newBench } from "./help.js";

type MakeFinder = () => FrameFinder;

/** A kind of RESP: "$", the length of a text, and the text, each with CR and LF behind it. */
const texts: MakeFinder = () => (reader) => {
  reader.skip(1);
  const length = reader.decimal();
  if (!reader.ok || reader.remaining === 0) return undefined;
  return reader.position + 2 + length + 2;
};

/** Lines that end with CR, LF, or CR and LF: one byte behind a CR is looked at. */
const lines: MakeFinder = () => (reader) => {
  while (reader.remaining > 0) {
    const byte = reader.peek();
    if (byte === 10) return reader.position + 1;
    if (byte === 13) {
      const next = reader.peek(1);
      if (!reader.ok) return undefined;
      return reader.position + (next === 10 ? 2 : 1);
    }
    reader.skip(1);
    reader.mark();
  }
  return undefined;
};

/** Frames of one byte, of which each is known only when the three bytes behind it have come. */
const shy: MakeFinder = () => (reader) => (reader.remaining < 4 ? undefined : 1);

/** Cuts text in all ways; all give the same frames, which are returned. */
function cut(bench: Bench, make: MakeFinder, text: string, unended?: "frame"): string[] {
  const results: string[][] = [];
  const options = { maximum: 1000, unended: unended ?? "error" } as const;
  for (const step of [1, 2, 3, 4, 7, text.length]) {
    for (const kind of ["scan", "array", "bytes"]) {
      const framer = framerOf(bench.pool, make(), options);
      const got: string[] = [];
      const scanner = (view: Uint8Array, start: number, length: number): void => {
        got.push(Buffer.from(view.subarray(start, start + length)).toString("latin1"));
      };
      for (let at = 0; at < text.length; at += step) {
        const piece = ascii(text.slice(at, at + step));
        if (kind === "scan") framer.scan(piece, 0, piece.length, scanner);
        else framer.push(kind === "array" ? piece : bench.pool.from(piece), collect(got));
      }
      if (kind === "scan") framer.endScan(scanner);
      else framer.end(collect(got));
      results.push(got);
    }
  }
  for (const got of results) expect(got).toEqual(results[0]);
  expectNothingLeft(bench);
  return results[0] as string[];
}

describe("framerOf", () => {
  it("cuts frames whose length is text", () => {
    const stream = ["$5\r\nhello\r\n", "$0\r\n\r\n", `$12\r\n${"x".repeat(12)}\r\n`];
    expect(cut(newBench(), texts, stream.join(""))).toEqual(stream);
  });

  it("gives back what was looked at behind a frame", () => {
    const stream = "one\rtwo\r\n\n\r\r\r\nthree\r\r";
    const expected = ["one\r", "two\r\n", "\n", "\r", "\r", "\r\n", "three\r", "\r"];
    expect(cut(newBench(), lines, stream, "frame")).toEqual(expected);
    expect(cut(newBench(), shy, "abcdefgh", "frame")).toEqual(["a", "b", "c", "d", "e", "fgh"]);
  });

  it("asks again when the missing bytes have come, at the mark", () => {
    const { pool } = newBench();
    const asked: number[][] = [];
    const find: FrameFinder = (reader) => {
      asked.push([reader.position, reader.remaining]);
      if (reader.position === 0) {
        reader.skip(1);
        reader.mark();
      }
      reader.skip(5);
      return reader.ok ? 10 : undefined;
    };
    const framer = framerOf(pool, find, { maximum: 10 });
    const got: string[] = [];
    for (const byte of ascii("0123456789")) framer.push(Uint8Array.of(byte), collect(got));
    expect(asked).toEqual([
      [0, 1],
      [1, 5],
    ]);
    expect(got).toEqual(["0123456789"]);
  });

  it("goes on within a byte", () => {
    const bench = newBench();
    const find: FrameFinder = (reader) => {
      if (reader.position === 0) {
        reader.bits(3);
        reader.mark();
      }
      const rest = reader.bits(5);
      reader.skip(rest - 1);
      return reader.ok ? reader.position : undefined;
    };
    for (const step of [1, 2, 9]) {
      const framer = framerOf(bench.pool, find, { maximum: 10 });
      const got: string[] = [];
      const stream = Uint8Array.of(0xe3, 65, 66, 0xe2, 67);
      for (let at = 0; at < 5; at += step) framer.push(stream.slice(at, at + step), collect(got));
      framer.end();
      expect(got.map((text) => text.slice(1))).toEqual(["AB", "C"]);
    }
    expectNothingLeft(bench);
  });

  it("reads every byte a bounded number of times, byte by byte too", () => {
    const bench = newBench();
    let looks = 0;
    const find: FrameFinder = (reader) => {
      while (reader.remaining > 0) {
        looks++;
        if (reader.u8() === 10) return reader.position;
        reader.mark();
      }
      return undefined;
    };
    const framer = framerOf(bench.pool, find, { maximum: 2 ** 20 });
    const line = new Uint8Array(20_000).fill(65);
    for (let at = 0; at < line.length; at++) framer.scan(line, at, 1, () => {});
    expect(looks).toBe(20_000);
    const lengths: number[] = [];
    const chunk = ascii(`x\n${"y\n".repeat(1000)}`);
    framer.scan(chunk, 0, chunk.length, (_view, _start, length) => lengths.push(length));
    expect(lengths).toEqual([20_002, ...new Array(1000).fill(2)]);
    // The first frame had its bytes in one piece with what it had, so some were looked at twice.
    expect(looks).toBeLessThan(20_000 + 2 * chunk.length);
    framer.end();
    expectNothingLeft(bench);
  });
});

describe("frames of framerOf", () => {
  it("hands a frame out right after it was found, so what find noted is of this frame", () => {
    const bench = newBench();
    for (const step of [1, 3, 20]) {
      let colon = 0;
      const find: FrameFinder = (reader) => {
        while (reader.remaining > 0) {
          const byte = reader.u8();
          if (byte === 58) colon = reader.position;
          if (byte === 10) return reader.position;
          reader.mark();
        }
        return undefined;
      };
      const framer = framerOf(bench.pool, find, { maximum: 99 });
      const stream = ascii("a:1\nbcd:2\n:3\n");
      const got: string[] = [];
      for (let at = 0; at < stream.length; at += step) {
        const piece = stream.slice(at, at + step);
        framer.scan(piece, 0, piece.length, (view, start, length) => {
          got.push(Buffer.from(view.subarray(start + colon, start + length - 1)).toString());
        });
      }
      framer.end();
      expect(got).toEqual(["1", "2", "3"]);
    }
    expectNothingLeft(bench);
  });

  it("hands out frames of `scan` in place, and slices of the chunk", () => {
    const bench = newBench();
    const framer = framerOf(bench.pool, () => 3, { maximum: 9, strip: 1 });
    const chunk = ascii("abcdefg");
    const got: unknown[] = [];
    framer.scan(chunk, 0, 7, (view, start, length) => got.push([view === chunk, start, length]));
    expect(got).toEqual([
      [true, 1, 2],
      [true, 4, 2],
    ]);
    expect(framer.keptBytes).toBe(1);
    using bytes = bench.pool.from("hiklm");
    const view = bytes.view() as Uint8Array;
    const frames: Bytes[] = [];
    framer.push(bytes.slice(), (frame) => frames.push(frame));
    expect(frames.map(String)).toEqual(["hi", "lm"]);
    expect(frames[1]?.view()?.byteOffset).toBe(view.byteOffset + 3);
    for (const frame of frames) frame.release();
  });
});

it("an array that was looked at is not kept alive by the reader", () => {
  const { pool } = newBench();
  let reader: Reader | undefined;
  const find = (given: Reader): undefined => {
    reader = given;
    return undefined;
  };
  const framer = framerOf(pool, find, { maximum: 10 });
  framer.push(Uint8Array.of(1, 2, 3), () => {});
  reader?.rewind();
  expect(reader?.remaining).toBe(0);
  framer[Symbol.dispose]();
  expect(framer.position).toBe(3);
});

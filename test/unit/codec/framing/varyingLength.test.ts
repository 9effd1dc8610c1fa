import { describe, expect, it } from "vitest";
import {
  LengthFieldFramer,
  type LengthFieldOptions,
  Reader,
  Writer,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { type Bench, collect, expectNothingLeft, newBench, refusal } from "./help.js";

/** Pushes bytes in pieces, and scans them in pieces; both give the same frames. */
function cut({ pool }: Bench, options: LengthFieldOptions, stream: Uint8Array): string[][] {
  const results: string[][] = [];
  for (const step of [1, 2, 3, 5, 7, stream.length]) {
    for (const isScan of [true, false]) {
      const framer = new LengthFieldFramer(pool, options);
      const texts: string[] = [];
      for (let at = 0; at < stream.length; at += step) {
        const piece = stream.slice(at, at + step);
        if (!isScan) framer.push(at % 2 === 0 ? piece : pool.from(piece), collect(texts));
        else {
          framer.scan(piece, 0, piece.length, (view, start, length) => {
            texts.push(new Reader(view.slice(start, start + length)).utf8(length));
          });
        }
      }
      framer.end();
      results.push(texts);
    }
  }
  return results;
}

/** Returns a frame: bytes before the length, the length, and its text. */
function frame(bench: Bench, width: "varint" | "quic", text: string, before = ""): Uint8Array {
  const writer = new Writer(bench.heap);
  writer.utf8(before);
  if (width === "quic") writer.quic(text.length);
  else writer.varint32(text.length);
  writer.utf8(text);
  using bytes = writer.finish();
  writer[Symbol.dispose]();
  return new Uint8Array(bytes.toUnshared());
}

describe.each(["varint", "quic"] as const)("a length as %s", (width) => {
  it("may have any number of bytes, whatever the chunks", () => {
    const bench = newBench();
    for (const size of [0, 1, 2, 63, 64, 127, 128, 300, 16_383, 16_384, 70_000]) {
      const texts = ["x".repeat(size), "hi", ""];
      const stream = Buffer.concat(texts.map((text) => frame(bench, width, text)));
      for (const got of cut(bench, { width, strip: "header", maximum: 80_000 }, stream)) {
        expect(got).toEqual(texts);
      }
    }
    expectNothingLeft(bench);
  });

  it("stands behind other bytes, and counts more or fewer than follow it", () => {
    const bench = newBench();
    const stream = Buffer.concat([frame(bench, width, "abcd", "T"), frame(bench, width, "", "U")]);
    const options = { width, offset: 1, maximum: 100 } as const;
    const whole = ["T\x04abcd", "U\0"];
    for (const got of cut(bench, options, stream)) expect(got).toEqual(whole);
    const stripped = { ...options, strip: "header" } as const;
    for (const got of cut(bench, stripped, stream)) expect(got).toEqual(["abcd", ""]);
    const more = cut(bench, { ...stripped, adjustment: 2 }, stream.subarray(0, 8));
    for (const got of more) expect(got).toEqual(["abcdU\0"]);
    const fewer = cut(bench, { ...options, adjustment: -2, strip: 3 }, stream.subarray(0, 4));
    for (const got of fewer) expect(got).toEqual(["b"]);
    expectNothingLeft(bench);
  });

  it("that makes a frame shorter than its header, or than `strip`, is malformed", () => {
    const bench = newBench();
    for (const more of [{ adjustment: -3 }, { strip: 6 }]) {
      const framer = new LengthFieldFramer(bench.pool, { width, offset: 1, maximum: 99, ...more });
      const push = (): void => framer.push(Uint8Array.of(0, 2, 1, 1, 1), collect([]));
      expect(refusal(push, "ERR_MALFORMED").details).toMatchObject({ position: 1 });
    }
    expectNothingLeft(bench);
  });

  it("counts the whole frame for `maximum`, and is refused when its header has come", () => {
    const bench = newBench();
    for (const step of [1, 9]) {
      const framer = new LengthFieldFramer(bench.pool, { width, offset: 2, maximum: 66 });
      const texts: string[] = [];
      const good = frame(bench, width, "x".repeat(62), "ab");
      const stream = width === "quic" ? good : Buffer.concat([good, good]);
      for (let at = 0; at < stream.length; at += step) {
        framer.push(stream.subarray(at, at + step), collect(texts));
      }
      expect(texts.length).toBe(stream.length / good.length);
      const large = frame(bench, width, "x".repeat(64), "ab").subarray(0, width === "quic" ? 4 : 3);
      const { length } = stream;
      framer.push(Uint8Array.of(97), collect(texts));
      const error = refusal(() => framer.push(large.subarray(1), collect(texts)), "ERR_TOO_LARGE");
      expect(error.details).toMatchObject({ position: length, field: length + 2, maximum: 66 });
    }
    expectNothingLeft(bench);
  });

  it("is truncated within its header and within its body", () => {
    const bench = newBench();
    const stream = frame(bench, width, "x".repeat(200), "a");
    for (const count of [1, 2, 3, 100, stream.length - 1]) {
      const framer = new LengthFieldFramer(bench.pool, { width, offset: 1, maximum: 999 });
      framer.push(stream.subarray(0, count), collect([]));
      const error = refusal(() => framer.end(), "ERR_TRUNCATED");
      expect(error.details).toMatchObject({ position: 0, got: count });
      expect(error.message).toContain(count < 3 ? "a header of" : `${stream.length} bytes`);
    }
    expectNothingLeft(bench);
  });
});

describe("a varint", () => {
  it("may be longer than it must", () => {
    const bench = newBench();
    const stream = Uint8Array.of(0x82, 0x80, 0x80, 0x80, 0, 104, 105, 0x81, 0, 33);
    const options = { width: "varint", strip: "header", maximum: 99 } as const;
    for (const got of cut(bench, options, stream)) expect(got).toEqual(["hi", "!"]);
    expectNothingLeft(bench);
  });

  it.each([
    ["more than 5 bytes", [0x80, 0x80, 0x80, 0x80, 0x80]],
    ["more than 32 bits", [0xff, 0xff, 0xff, 0xff, 0x10]],
    ["endless", new Array(50).fill(0xff)],
  ])("of %s is malformed at its first byte", (_name, bytes) => {
    const bench = newBench();
    for (const step of [1, 2, 50]) {
      const options = { width: "varint", offset: 3, maximum: 99 } as const;
      const framer = new LengthFieldFramer(bench.pool, options);
      const stream = Uint8Array.from([1, 2, 3, 0, 1, 2, 3, ...bytes]);
      let at = 0;
      const push = (): void => {
        for (; at < stream.length; at += step) {
          framer.push(stream.subarray(at, at + step), collect([]));
        }
      };
      const error = refusal(push, "ERR_MALFORMED");
      expect(error.details).toMatchObject({ position: 7 });
      expect(error.message).toContain("at most 5 bytes and 32 bits");
      expect(at).toBeLessThanOrEqual(11);
    }
    expectNothingLeft(bench);
  });

  it("of 32 bits is a length that is too large", () => {
    const bench = newBench();
    const options = { width: "varint", maximum: 2 ** 31 - 1 } as const;
    const framer = new LengthFieldFramer(bench.pool, options);
    const push = (): void => framer.push(Uint8Array.of(255, 255, 255, 255, 15), collect([]));
    expect(refusal(push, "ERR_TOO_LARGE").details).toMatchObject({ got: 2 ** 32 + 4 });
    expectNothingLeft(bench);
  });
});

it("a length of QUIC may have 62 bits, and be longer than it must", () => {
  const bench = newBench();
  const options = { width: "quic", strip: "header", maximum: 99 } as const;
  const stream = Uint8Array.of(0xc0, 0, 0, 0, 0, 0, 0, 2, 104, 105, 0x80, 0, 0, 1, 33, 0x40, 1, 63);
  for (const got of cut(bench, options, stream)) expect(got).toEqual(["hi", "!", "?"]);
  const framer = new LengthFieldFramer(bench.pool, options);
  const push = (): void => framer.push(new Uint8Array(8).fill(255), collect([]));
  expect(refusal(push, "ERR_TOO_LARGE").details).toMatchObject({ position: 0 });
  expectNothingLeft(bench);
});

it("wrong widths, and what contradicts them, are refused", () => {
  const { pool } = newBench();
  for (const width of [0, 9, -1, 1.5, NaN, "2", "VARINT", null, undefined, {}, 4n]) {
    const open = (): unknown => new LengthFieldFramer(pool, { width: wrong(width), maximum: 9 });
    const { message } = refusal(open, "ERR_INVALID_ARGUMENT");
    expect(message).toContain('an integer from 1 to 8, "varint" or "quic"');
  }
  for (const width of ["varint", "quic"] as const) {
    for (const endian of ["be", "le"] as const) {
      const open = (): unknown => new LengthFieldFramer(pool, { width, endian, maximum: 9 });
      expect(refusal(open, "ERR_INVALID_ARGUMENT").message).toContain("endian");
    }
    const open = (): unknown => new LengthFieldFramer(pool, { width, offset: 9, maximum: 9 });
    expect(refusal(open, "ERR_INVALID_ARGUMENT").message).toContain("maximum");
  }
  for (const strip of [-1, 10, 1.5, "head", null, {}]) {
    const open = (): unknown => {
      return new LengthFieldFramer(pool, { width: "varint", strip: wrong(strip), maximum: 9 });
    };
    expect(refusal(open, "ERR_INVALID_ARGUMENT").message).toContain('or "header"');
  }
});

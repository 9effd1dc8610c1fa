import { describe, expect, it } from "vitest";
import {
  DelimiterFramer,
  FixedFramer,
  type FrameScanner,
  LengthFieldFramer,
  WebSocketFramer,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { ascii, type Bench, expectNothingLeft, newBench, refusal } from "./help.js";

function lines({ pool }: Bench): DelimiterFramer {
  return new DelimiterFramer(pool, { delimiter: "\n", maximum: 100 });
}

function textOf(view: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...view.subarray(offset, offset + length));
}

/** A receiver that keeps texts. */
function read(texts: string[]): FrameScanner {
  return (view, offset, length) => texts.push(textOf(view, offset, length));
}

describe("scan hands out frames", () => {
  it("in place, within the bytes that it is given", () => {
    const bench = newBench();
    const framer = new LengthFieldFramer(bench.pool, { width: 2, strip: 2, maximum: 99 });
    const view = ascii("\0\x09\0\x03one\0\0\0\x03two\0\x09");
    const seen: unknown[] = [];
    const taken = framer.scan(view, 2, 12, (from, offset, length, first) => {
      expect(from).toBe(view);
      seen.push([offset, length, first]);
    });
    expect(taken).toBe(12);
    expect(seen).toEqual([
      [4, 3, 0],
      [9, 0, 0],
      [11, 3, 0],
    ]);
    expect([framer.position, framer.keptBytes]).toEqual([12, 0]);
    expectNothingLeft(bench);
  });

  it("from the heap, if they were begun before, and frees them", () => {
    const bench = newBench();
    const framer = lines(bench);
    const texts: string[] = [];
    const first = ascii("on");
    framer.scan(first, 0, 2, read(texts));
    expect(framer.keptBytes).toBe(2);
    first.fill(0);
    framer.scan(ascii("e\ntw"), 0, 4, (view, offset, length) => {
      expect(view).toBe(bench.heap.u8);
      expect([framer.keptBytes, framer.position]).toEqual([0, 4]);
      texts.push(textOf(view, offset, length));
    });
    // Bytes that were scanned go on in bytes that are pushed, and the other way round.
    framer.push(ascii("o\nthr"), (frame) => {
      texts.push(frame.toString());
      frame.release();
    });
    framer.scan(ascii("ee\n"), 0, 3, read(texts));
    framer.end();
    expect(texts).toEqual(["one", "two", "three"]);
    expectNothingLeft(bench);
  });

  it("of a header alone", () => {
    const bench = newBench();
    const framer = new LengthFieldFramer(bench.pool, { width: 2, maximum: 99 });
    const texts: string[] = [];
    for (const byte of [0, 0, 0, 1, 65]) framer.scan(Uint8Array.of(byte), 0, 1, read(texts));
    expect(texts).toEqual(["\0\0", "\0\x01A"]);
    expectNothingLeft(bench);
  });
});

describe("scan of a WebSocket", () => {
  it("unmasks payloads in place", () => {
    const frame = [0x82, 0x89, 1, 2, 3, 4, ...[..."ninebytes"].map((c) => c.charCodeAt(0))];
    const payload = "ninebytes";
    for (let at = 0; at < 9; at++) frame[6 + at] = (frame[6 + at] as number) ^ ((at & 3) + 1);
    for (let before = 0; before < 8; before++) {
      const bench = newBench();
      const framer = new WebSocketFramer(bench.pool, { role: "server", maximum: 1000 });
      const heads: number[] = [];
      const texts: string[] = [];
      const note: FrameScanner = (view, offset, length, first) => {
        heads.push(first);
        texts.push(textOf(view, offset, length));
      };
      const buffer = new ArrayBuffer(before + 15);
      const view = new Uint8Array(buffer, before);
      view.set(frame);
      framer.scan(view, 0, 15, note);
      expect(textOf(view, 6, 9)).toBe(payload);
      const block = bench.heap.malloc(32);
      bench.heap.u8.set(frame, block + before);
      framer.scan(bench.heap.u8.subarray(block), before, 15, note);
      for (const byte of frame) framer.scan(Uint8Array.of(byte), 0, 1, note);
      expect(texts).toEqual([payload, payload, payload]);
      expect(heads).toEqual([0x82, 0x82, 0x82]);
      bench.heap.free(block);
      expectNothingLeft(bench);
    }
  });
});

describe("scan", () => {
  it("closes the framer by an error of onFrame, and keeps nothing", () => {
    for (const chunk of ["one\ntwo\n", "ne\ntwo\n"]) {
      const bench = newBench();
      const framer = lines(bench);
      if (chunk.startsWith("n")) framer.scan(ascii("o"), 0, 1, () => {});
      const fail = (): void => {
        throw new TypeError("mine");
      };
      expect(() => framer.scan(ascii(chunk), 0, chunk.length, fail)).toThrow(TypeError);
      refusal(() => framer.scan(ascii("x"), 0, 1, fail), "ERR_CLOSED");
      expectNothingLeft(bench);
    }
  });

  it("returns how far it came if onFrame resets or disposes", () => {
    const bench = newBench();
    const framer = lines(bench);
    framer.scan(ascii("o"), 0, 1, () => {});
    const chunk = ascii("ne\ntwo\nthr");
    const texts: string[] = [];
    const stop: FrameScanner = (view, offset, length) => {
      framer.reset();
      texts.push(textOf(view, offset, length));
    };
    expect(framer.scan(chunk, 0, 10, stop)).toBe(3);
    expect(framer.scan(chunk, 3, 7, stop)).toBe(4);
    expect(framer.position).toBe(0);
    expect(framer.scan(chunk, 7, 3, stop)).toBe(3);
    expect(framer.scan(ascii("ee\nx"), 0, 4, () => framer[Symbol.dispose]())).toBe(3);
    expect(texts).toEqual(["one", "two"]);
    refusal(() => framer.scan(chunk, 0, 1, stop), "ERR_CLOSED");
    expectNothingLeft(bench);
  });

  it("has the errors of push", () => {
    const bench = newBench();
    const framer = new LengthFieldFramer(bench.pool, { width: 1, maximum: 3 });
    const texts: string[] = [];
    const scan = (): unknown => framer.scan(ascii("\x01a\x05b"), 0, 4, read(texts));
    expect(refusal(scan, "ERR_TOO_LARGE").details).toMatchObject({ position: 2, got: 6 });
    expect(texts).toEqual(["\x01a"]);
    expectNothingLeft(bench);
  });
});

describe("scan refuses", () => {
  it("to be called within onFrame", () => {
    const bench = newBench();
    const framer = new FixedFramer(bench.pool, 1);
    const nested = (): void => void framer.scan(ascii("x"), 0, 1, nested);
    refusal(() => framer.scan(ascii("x"), 0, 1, nested), "ERR_INVALID_ARGUMENT");
    expectNothingLeft(bench);
  });

  it("wrong arguments, and nothing changes", () => {
    const bench = newBench();
    const framer = lines(bench);
    const texts: string[] = [];
    framer.scan(ascii("on"), 0, 2, read(texts));
    const view = ascii("xyz");
    const imposter = Object.create(Uint8Array.prototype);
    for (const value of [undefined, null, "x", [1], new Uint16Array(2), imposter]) {
      const scan = (): unknown => framer.scan(wrong(value), 0, 1, () => {});
      refusal(scan, "ERR_INVALID_ARGUMENT");
    }
    for (const [offset, length] of [
      [-1, 1],
      [0, 4],
      [4, 0],
      [2, 2],
      [0.5, 1],
      [0, Number.NaN],
      [wrong<number>("0"), 1],
      [0, wrong<number>(undefined)],
    ] as const) {
      refusal(() => framer.scan(view, offset, length, () => {}), "ERR_OUT_OF_RANGE");
    }
    for (const value of [undefined, null, {}]) {
      refusal(() => framer.scan(view, 0, 1, wrong(value)), "ERR_INVALID_ARGUMENT");
    }
    framer.scan(ascii("e\n"), 0, 2, read(texts));
    expect(texts).toEqual(["one"]);
    expectNothingLeft(bench);
  });
});

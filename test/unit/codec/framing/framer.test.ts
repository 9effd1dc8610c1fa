import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../../src/buffers/index.js";
import { BufferPool, BytesPool } from "../../../../src/buffers/index.js";
import { partsOf } from "../../../../src/buffers/internal.js";
import {
  DelimiterFramer,
  FixedFramer,
  type Framer,
  LengthFieldFramer,
  type Releasable,
  WebSocketFramer,
} from "../../../../src/codec/index.js";
import { Heap } from "../../../../src/index.js";
import { wrong } from "../../help.js";
import { ascii, type Bench, collect, expectNothingLeft, newBench, refusal } from "./help.js";

function lines({ pool }: Bench): DelimiterFramer {
  return new DelimiterFramer(pool, { delimiter: "\n", maximum: 100 });
}

describe("a framer", () => {
  it("refuses a wrong receiver and a wrong pool, and keeps nothing", () => {
    const bench = newBench();
    const framer = lines(bench);
    for (const receiver of [undefined, null, {}, "frames"]) {
      const push = (): void => framer.push(bench.pool.from("one\n"), wrong(receiver));
      expect(refusal(push, "ERR_INVALID_ARGUMENT").message).toContain("onFrame");
    }
    for (const pool of [undefined, null, {}, bench.heap, new BufferPool(bench.heap)]) {
      const open = (): unknown => new FixedFramer(wrong<BytesPool>(pool), 2);
      expect(refusal(open, "ERR_INVALID_ARGUMENT").message).toContain("a BytesPool");
    }
    framer.push(ascii("still open\n"), (frame) => frame.release());
    expectNothingLeft(bench);
  });
});

describe("frames", () => {
  it("within a chunk of the heap are slices of it", () => {
    const bench = newBench();
    const framer = lines(bench);
    const chunk = bench.pool.from("one\ntwo\nthr");
    const [part] = partsOf(chunk);
    const frames: Bytes[] = [];
    framer.push(chunk, (frame) => frames.push(frame));
    expect(chunk.isReleased).toBe(true);
    expect(frames.map(String)).toEqual(["one", "two"]);
    expect(frames.map((frame) => partsOf(frame)[0]?.start)).toEqual([
      part?.start,
      (part?.start ?? 0) + 4,
    ]);
    expect(framer.keptBytes).toBe(3);
    expect(framer.position).toBe(11);
    framer.push(ascii("ee\n"), (frame) => frames.push(frame));
    expect(frames[2]?.toString()).toBe("three");
    expect(partsOf(frames[2] as Bytes)).toHaveLength(1);
    framer.end();
    for (const frame of frames) frame.release();
    expectNothingLeft(bench);
  });

  it("of a frozen chunk are frozen, but copied ones are not", () => {
    const bench = newBench();
    const framer = new FixedFramer(bench.pool, 2);
    const seen: boolean[] = [];
    framer.push(bench.pool.from("abcde").freeze(), (frame) => {
      seen.push(frame.isFrozen);
      frame.release();
    });
    framer.push(bench.pool.from("f").freeze(), (frame) => {
      seen.push(frame.isFrozen);
      frame.release();
    });
    expect(seen).toEqual([true, true, false]);
    expectNothingLeft(bench);
  });

  it("may be empty", () => {
    const bench = newBench();
    const texts: string[] = [];
    lines(bench).push(ascii("\n\nx\n"), collect(texts));
    const options = { width: 1, strip: 1, maximum: 10 };
    const framer = new LengthFieldFramer(bench.pool, options);
    framer.push(bench.pool.from([0, 1, 65, 0]), collect(texts));
    expect(texts).toEqual(["", "", "x", "", "A", ""]);
    expectNothingLeft(bench);
  });
});

describe("length fields", () => {
  it.each([
    ["the header stays", { width: 2, maximum: 99 }, [0, 2, 65, 66], "\0\x02AB"],
    ["the header goes", { width: 2, strip: 2, maximum: 99 }, [0, 2, 65, 66], "AB"],
    ["little-endian", { width: 2, strip: 2, endian: "le", maximum: 99 }, [2, 0, 65, 66], "AB"],
    ["the header counts", { width: 1, adjustment: -1, maximum: 99 }, [3, 65, 66], "\x03AB"],
    [
      "bytes before and after the length",
      { offset: 1, width: 3, adjustment: 1, strip: 5, maximum: 99 },
      [90, 0, 0, 2, 91, 65, 66],
      "AB",
    ],
  ] as const)("%s", (_name, options, stream, expected) => {
    const bench = newBench();
    const texts: string[] = [];
    const framer = new LengthFieldFramer(bench.pool, options);
    framer.push(Uint8Array.from([...stream, ...stream]), collect(texts));
    for (const byte of stream) framer.push(Uint8Array.of(byte), collect(texts));
    framer.end();
    expect(texts).toEqual([expected, expected, expected]);
    expectNothingLeft(bench);
  });

  it("takes the maximum, and one byte more is too large", () => {
    const bench = newBench();
    const framer = new LengthFieldFramer(bench.pool, { width: 4, maximum: 10 });
    const texts: string[] = [];
    framer.push(Uint8Array.of(0, 0, 0, 6, 1, 2, 3, 4, 5, 6), collect(texts));
    const error = refusal(
      () => framer.push(Uint8Array.of(0, 0, 0, 7), collect(texts)),
      "ERR_TOO_LARGE",
    );
    expect(error.message).toBe("the frame at 10 has 11 bytes or more; expected at most 10 bytes");
    expect(error.details).toMatchObject({ position: 10, got: 11, maximum: 10, field: 10 });
    expect(texts).toHaveLength(1);
    expectNothingLeft(bench);
  });
});

describe("errors", () => {
  it("of onFrame close the framer: the receiver has its frame, the rest is released", () => {
    const bench = newBench();
    const framer = lines(bench);
    const frames: Bytes[] = [];
    const push = (text: string): void =>
      framer.push(bench.pool.from(text), (frame) => {
        frames.push(frame);
        throw new TypeError("mine");
      });
    framer.push(bench.pool.from("o"), () => {});
    expect(() => push("ne\ntwo\nthr")).toThrow(TypeError);
    expect(frames.map(String)).toEqual(["one"]);
    expect(bench.heap.stats().live.blocks).toBe(1);
    refusal(() => push("ee\n"), "ERR_CLOSED");
    refusal(() => framer.end(), "ERR_CLOSED");
    framer.reset();
    expect(framer.position).toBe(0);
    expect(() => push("four\n")).toThrow(TypeError);
    expect(frames.map(String)).toEqual(["one", "four"]);
    for (const frame of frames) frame.release();
    expectNothingLeft(bench);
  });

  it("a full heap closes the framer too", () => {
    const bench = newBench();
    const framer = new FixedFramer(bench.pool, 3.5 * 2 ** 20);
    const other = bench.pool.allocUnsafe(2 ** 20);
    const exhaust = (): void => {
      for (;;) framer.push(new Uint8Array(2 ** 18), () => {});
    };
    expect(exhaust).toThrow(expect.objectContaining({ code: "ERR_HEAP_EXHAUSTED" }));
    refusal(() => framer.push(ascii("x"), () => {}), "ERR_CLOSED");
    other.release();
    expectNothingLeft(bench);
  });

  it("an incomplete frame at the end", () => {
    const bench = newBench();
    const framer = lines(bench);
    framer.push(ascii("one\ntw"), (frame) => frame.release());
    const error = refusal(() => framer.end(), "ERR_TRUNCATED");
    expect(error.details).toEqual({ position: 4, got: 2, expected: "a delimiter of 1 bytes" });
    refusal(() => framer.push(ascii("o\n"), () => {}), "ERR_CLOSED");
    expectNothingLeft(bench);
  });

  it("a wrong chunk, or a released one, changes nothing", () => {
    const bench = newBench();
    const framer = lines(bench);
    const texts: string[] = [];
    framer.push(ascii("on"), collect(texts));
    for (const value of [undefined, null, "x", 7, [1], new Uint16Array(2)]) {
      refusal(() => framer.push(wrong(value), () => {}), "ERR_INVALID_ARGUMENT");
    }
    const gone = bench.pool.from("x");
    gone.release();
    refusal(() => framer.push(gone, () => {}), "ERR_RELEASED");
    framer.push(ascii("e\n"), collect(texts));
    expect(texts).toEqual(["one"]);
    expectNothingLeft(bench);
  });
});

describe("options", () => {
  it.each([
    () => new FixedFramer(newBench().pool, 0),
    () => new FixedFramer(newBench().pool, 1.5),
    () => new LengthFieldFramer(newBench().pool, { width: 0, maximum: 9 }),
    () => new LengthFieldFramer(newBench().pool, { width: 9, maximum: 9 }),
    () => new LengthFieldFramer(newBench().pool, { width: 4, maximum: 3 }),
    () => new LengthFieldFramer(newBench().pool, { width: 4, maximum: Number.NaN }),
    () => new LengthFieldFramer(newBench().pool, { width: 4, maximum: 9, strip: 10 }),
    () => new LengthFieldFramer(newBench().pool, { width: 4, maximum: 9, offset: -1 }),
    () => new LengthFieldFramer(newBench().pool, { width: 4, maximum: 9, endian: wrong("me") }),
    () => new DelimiterFramer(newBench().pool, { delimiter: "", maximum: 9 }),
    () => new DelimiterFramer(newBench().pool, { delimiter: wrong(10), maximum: 9 }),
    () => new DelimiterFramer(newBench().pool, { delimiter: "ab", maximum: 1 }),
    () => new DelimiterFramer(newBench().pool, { delimiter: "a", maximum: 9, strip: wrong(1) }),
  ])("are checked: %s", (make) => {
    refusal(make, "ERR_INVALID_ARGUMENT");
  });
});

describe("within onFrame", () => {
  it("reset and disposal drop the rest of the chunk", () => {
    const bench = newBench();
    const framer = lines(bench);
    const texts: string[] = [];
    const stop = (frame: Bytes): void => {
      collect(texts)(frame);
      framer.reset();
    };
    framer.push(bench.pool.from("one\ntwo\nthr"), stop);
    framer.push(ascii("four\nx"), stop);
    framer.push(ascii("five\n"), (frame) => {
      collect(texts)(frame);
      framer[Symbol.dispose]();
    });
    expect(texts).toEqual(["one", "four", "five"]);
    refusal(() => framer.push(ascii("x"), stop), "ERR_CLOSED");
    expectNothingLeft(bench);
  });

  it("push is refused", () => {
    const bench = newBench();
    const framer = lines(bench);
    const nested = (frame: Bytes): void => {
      frame.release();
      framer.push(bench.pool.from("x\n"), nested);
    };
    refusal(() => framer.push(bench.pool.from("one\ntwo\n"), nested), "ERR_INVALID_ARGUMENT");
    expectNothingLeft(bench);
  });
});

describe("a frame that no block of the heap can hold", () => {
  const huge = 2 ** 23;

  it.each([
    ["of a fixed length", (pool: BytesPool) => new FixedFramer(pool, huge), [1], huge],
    [
      "with a header",
      (pool: BytesPool) => new LengthFieldFramer(pool, { width: 4, maximum: 2 ** 30 }),
      [0, 0x80, 0, 0],
      huge + 4,
    ],
    [
      "of a WebSocket",
      (pool: BytesPool) => new WebSocketFramer(pool, { role: "client", maximum: 2 ** 30 }),
      [0x82, 127, 0, 0, 0, 0, 0, 0x80, 0, 0],
      huge + 10,
    ],
  ] as const)("%s is too large as soon as that is known", (_name, make, header, got) => {
    for (const inPieces of [false, true]) {
      const bench = newBench();
      const framer: Framer<Releasable> = make(bench.pool);
      const chunks = inPieces ? header.map((byte) => [byte]) : [header];
      const push = (): void => {
        for (const chunk of chunks) framer.push(Uint8Array.from(chunk), () => {});
      };
      const error = refusal(push, "ERR_TOO_LARGE");
      expect(error.details).toMatchObject({ position: 0, got });
      expect(error.message).toContain("largest block");
      expect(error.details.closeCode).toBe(framer instanceof WebSocketFramer ? 1009 : undefined);
      expectNothingLeft(bench);
    }
  });

  it("with a delimiter is too large when it is", () => {
    const bench = newBench();
    const framer = new DelimiterFramer(bench.pool, { delimiter: "\n", maximum: 2 ** 30 });
    const push = (): void => framer.push(new Uint8Array(huge), () => {});
    expect(refusal(push, "ERR_TOO_LARGE").details.got).toBe(huge);
    expectNothingLeft(bench);
  });

  it("is too large in an array, but scan hands it out", () => {
    const bench = newBench();
    const framer = new FixedFramer(bench.pool, huge);
    const lengths: number[] = [];
    const array = new Uint8Array(huge);
    framer.scan(array, 0, huge, (_view, _offset, length) => lengths.push(length));
    expect(lengths).toEqual([huge]);
    refusal(() => framer.push(array, () => {}), "ERR_TOO_LARGE");
    expectNothingLeft(bench);
  });
});

describe("memory", () => {
  it("a chunk of another heap is copied and released there", () => {
    const bench = newBench();
    const other = Heap.create({ capacity: 2 ** 20 });
    const texts: string[] = [];
    lines(bench).push(new BytesPool(other).from("one\n") as Bytes, collect(texts));
    expect(texts).toEqual(["one"]);
    expectNothingLeft({ heap: other, pool: bench.pool });
    expectNothingLeft(bench);
  });

  it("of the caller's array is neither kept nor changed", () => {
    const bench = newBench();
    const framer = lines(bench);
    const array = ascii("one\ntw");
    const texts: string[] = [];
    framer.push(array, collect(texts));
    expect(array).toEqual(ascii("one\ntw"));
    array.fill(33);
    framer.push(ascii("o\n"), collect(texts));
    expect(texts).toEqual(["one", "two"]);
    expectNothingLeft(bench);
  });

  it("a header that promises much gets what has come", () => {
    const bench = newBench();
    const framer = new LengthFieldFramer(bench.pool, { width: 4, maximum: 2 ** 30 });
    framer.push(Uint8Array.of(0, 0x30, 0, 0, 1), () => {});
    expect(bench.heap.stats().live.bytes).toBeLessThanOrEqual(512);
    framer[Symbol.dispose]();
    expectNothingLeft(bench);
  });
});

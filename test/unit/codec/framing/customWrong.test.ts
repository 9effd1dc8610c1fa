import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Bytes, BytesPool } from "../../../../src/buffers/index.js";
import {
  type CustomFramerOptions,
  FixedFramer,
  type FrameFinder,
  Framer,
  framerOf,
  type Reader,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { ascii, collect, expectNothingLeft, newBench, refusal } from "./help.js";

describe("wrong finders", () => {
  it.each([
    [0, "ERR_OUT_OF_RANGE"],
    [-1, "ERR_OUT_OF_RANGE"],
    [1.5, "ERR_OUT_OF_RANGE"],
    [Number.NaN, "ERR_OUT_OF_RANGE"],
    [Infinity, "ERR_OUT_OF_RANGE"],
    ["4", "ERR_INVALID_ARGUMENT"],
    [null, "ERR_INVALID_ARGUMENT"],
    [true, "ERR_INVALID_ARGUMENT"],
    [4n, "ERR_INVALID_ARGUMENT"],
    [[4], "ERR_INVALID_ARGUMENT"],
    [Promise.resolve(4), "ERR_INVALID_ARGUMENT"],
    [11, "ERR_TOO_LARGE"],
    [2 ** 40, "ERR_TOO_LARGE"],
  ] as const)("%s is refused", (result, code) => {
    const bench = newBench();
    for (const first of [5, 1]) {
      const find = (reader: Reader): unknown => (reader.remaining < 3 ? undefined : result);
      const framer = framerOf(bench.pool, wrong(find), { maximum: 10 });
      framer.push(bench.pool.from("ab".slice(0, first === 1 ? 1 : 0)), () => {});
      const push = (): void => framer.push(bench.pool.from("abcdefgh"), () => {});
      const error = refusal(push, code);
      if (code !== "ERR_TOO_LARGE") expect(error.message).toContain("what find() returns");
      refusal(() => framer.push(Uint8Array.of(1), () => {}), "ERR_CLOSED");
      expectNothingLeft(bench);
    }
  });

  it("that need more than a block can hold are refused", () => {
    const bench = newBench();
    const bytes = bench.heap.u8.length;
    const find = (reader: Reader): number | undefined => {
      reader.skip(bytes);
      return reader.ok ? bytes : undefined;
    };
    const framer = framerOf(bench.pool, find, { maximum: 2 * bytes });
    framer.push(Uint8Array.of(1), () => {});
    const push = (): void => framer.push(new Uint8Array(bytes), () => {});
    expect(refusal(push, "ERR_TOO_LARGE").details).toMatchObject({ position: 0, got: bytes });
    expectNothingLeft(bench);
  });

  it("that are asynchronous are refused, and their rejections end no process", async () => {
    const { pool } = newBench();
    const find = async (): Promise<number> => {
      throw new Error("later");
    };
    const framer = framerOf(pool, wrong(find), { maximum: 10 });
    refusal(() => framer.push(Uint8Array.of(1), () => {}), "ERR_INVALID_ARGUMENT");
    await setImmediate();
  });

  it("may need no more than `maximum` bytes", () => {
    const bench = newBench();
    const never: FrameFinder = () => undefined;
    const far: FrameFinder = (reader) => {
      reader.skip(100);
      return reader.ok ? 3 : undefined;
    };
    for (const [find, most] of [
      [never, 10],
      [far, 1],
    ] as const) {
      for (const step of [1, 3, 20]) {
        const framer = framerOf(bench.pool, find, { maximum: 10 });
        let pushed = 0;
        const push = (): void => {
          for (; pushed < 100; pushed += step) framer.push(new Uint8Array(step), () => {});
        };
        expect(refusal(push, "ERR_TOO_LARGE").details).toMatchObject({ position: 0, maximum: 10 });
        expect(pushed).toBeLessThan(most);
      }
    }
    expectNothingLeft(bench);
  });
});

describe("finders", () => {
  it("whose frame is shorter than `strip` make a malformed frame", () => {
    const { pool } = newBench();
    const framer = framerOf(pool, () => 2, { maximum: 10, strip: 3 });
    const push = (): void => framer.push(ascii("abcd"), () => {});
    expect(refusal(push, "ERR_MALFORMED").details).toMatchObject({ position: 0 });
  });

  it("throw what they like; errors of the reader get their position in the stream", () => {
    const bench = newBench();
    const failure = { mine: true };
    const find: FrameFinder = (reader) => {
      const kind = reader.u8();
      if (kind === 33) throw failure;
      if (kind !== 63) return 3;
      reader.varint32();
      return reader.ok ? 3 : undefined;
    };
    for (const step of [1, 3, 20]) {
      for (const [tail, code] of [
        ["!", undefined],
        ["?\xff\xff\xff\xff\xff", "ERR_MALFORMED"],
      ]) {
        const framer = framerOf(bench.pool, find, { maximum: 10 });
        const push = (): void => {
          const stream = ascii(`abcabc${tail}`);
          for (let at = 0; at < stream.length; at += step) {
            framer.push(bench.pool.from(stream.subarray(at, at + step)), collect([]));
          }
        };
        if (code === undefined) {
          expect(push).toThrow(expect.objectContaining(failure));
        } else {
          const { details, message } = refusal(push, "ERR_MALFORMED");
          expect(details).toMatchObject({ position: 7 });
          expect(message).toContain("malformed at 1");
          expect(message).toContain("position 7 of the stream");
        }
        refusal(() => framer.end(), "ERR_CLOSED");
        expectNothingLeft(bench);
      }
    }
  });
});

describe("finders that use framers", () => {
  it.each([
    ["push", (framer: Framer<Bytes>) => framer.push(ascii("abc"), () => {})],
    [
      "push of Bytes",
      (framer: Framer<Bytes>, pool: BytesPool) => framer.push(pool.from("abc"), () => {}),
    ],
    ["scan", (framer: Framer<Bytes>) => framer.scan(ascii("abc"), 0, 3, () => {})],
    ["rest", (framer: Framer<Bytes>) => framer.rest()],
    ["reset", (framer: Framer<Bytes>) => framer.reset()],
    ["end", (framer: Framer<Bytes>) => framer.end()],
    ["endScan", (framer: Framer<Bytes>) => framer.endScan(() => {})],
    ["dispose", (framer: Framer<Bytes>) => framer[Symbol.dispose]()],
  ] as const)("may not call %s of their framer", (_name, call) => {
    const bench = newBench();
    const errors: string[] = [];
    const find: FrameFinder = (reader) => {
      errors.push(refusal(() => call(framer, bench.pool), "ERR_INVALID_ARGUMENT").message);
      return reader.remaining < 2 ? undefined : 2;
    };
    const framer = framerOf(bench.pool, find, { maximum: 10 });
    const got: string[] = [];
    for (const piece of ["a", "bcd", "efg"]) framer.push(bench.pool.from(piece), collect(got));
    refusal(() => framer.end(), "ERR_TRUNCATED");
    expect(got).toEqual(["ab", "cd", "ef"]);
    expect(errors.length).toBeGreaterThan(4);
    framer.reset();
    expectNothingLeft(bench);
  });

  it("may use other framers, and keep the reader", () => {
    const bench = newBench();
    const inner = new FixedFramer(bench.pool, 2);
    const got: string[] = [];
    let kept: Reader | undefined;
    const find: FrameFinder = (reader) => {
      kept?.seek(0);
      kept?.skip(1);
      kept = reader;
      inner.push(ascii("xy"), collect(got));
      reader.reset(ascii("another"));
      return 3;
    };
    const framer = framerOf(bench.pool, find, { maximum: 10 });
    framer.push(ascii("abcdef"), collect(got));
    kept?.rewind();
    expect(kept?.utf8(3)).toBeTypeOf("string");
    framer.push(ascii("gh"), collect(got));
    framer.push(ascii("i"), collect(got));
    expect(got.filter((text) => text !== "xy")).toEqual(["abc", "def", "ghi"]);
    framer.end();
    expectNothingLeft(bench);
  });
});

it("wrong options of framerOf are refused", () => {
  const { pool } = newBench();
  const open = (find: unknown, options: unknown) => () =>
    framerOf(pool, wrong<FrameFinder>(find), wrong<CustomFramerOptions>(options));
  for (const find of [undefined, null, {}, "find", 4]) {
    expect(refusal(open(find, { maximum: 9 }), "ERR_INVALID_ARGUMENT").message).toContain("find");
  }
  for (const [name, value] of [
    ["maximum", undefined],
    ["maximum", 0],
    ["maximum", 2 ** 31],
    ["maximum", "9"],
    ["strip", -1],
    ["strip", 10],
    ["strip", "header"],
    ["unended", "drop"],
    ["unended", true],
    ["copyBelow", -1],
  ] as const) {
    const options = { maximum: 9, [name]: value };
    expect(
      refusal(
        open(() => 1, options),
        "ERR_INVALID_ARGUMENT",
      ).message,
    ).toContain(name);
  }
  refusal(
    open(() => 1, undefined),
    "ERR_INVALID_ARGUMENT",
  );
  const poolless = (): unknown => framerOf(wrong<BytesPool>({}), () => 1, { maximum: 9 });
  expect(refusal(poolless, "ERR_INVALID_ARGUMENT").message).toContain("a BytesPool");
});

it("a class of one's own cannot extend Framer, and is told of framerOf", () => {
  const { pool } = newBench();
  class Mine extends wrong<new (given: BytesPool) => object>(Framer) {
    find(_source: Uint8Array, at: number, end: number): number {
      return end - at;
    }
  }
  expect(refusal(() => new Mine(pool), "ERR_INVALID_ARGUMENT").message).toContain("framerOf");
});

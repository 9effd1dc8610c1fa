import { describe, expect, it } from "vitest";
import {
  DelimiterFramer,
  type DelimiterOptions,
  type FrameScanner,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { ascii, type Bench, collect, expectNothingLeft, newBench, refusal } from "./help.js";

type Options = Partial<DelimiterOptions> & Pick<DelimiterOptions, "delimiter">;

function open({ pool }: Bench, options: Options): DelimiterFramer {
  return new DelimiterFramer(pool, { maximum: 1000, ...options });
}

function reader(texts: string[]): FrameScanner {
  return (view, start, length) => {
    texts.push(Buffer.from(view.subarray(start, start + length)).toString());
  };
}

/** Cuts text in all ways; all give the same frames, which are returned. */
function cut(bench: Bench, options: Options, text: string): string[] {
  const results: string[][] = [];
  for (const step of [1, 2, 3, 5, 64, Math.max(1, text.length)]) {
    for (const kind of ["scan", "array", "bytes"]) {
      const framer = open(bench, options);
      const got: string[] = [];
      for (let at = 0; at < text.length; at += step) {
        const piece = ascii(text.slice(at, at + step));
        if (kind === "scan") framer.scan(piece, 0, piece.length, reader(got));
        else framer.push(kind === "array" ? piece : bench.pool.from(piece), collect(got));
      }
      if (kind === "scan") framer.endScan(reader(got));
      else framer.end(collect(got));
      results.push(got);
    }
  }
  for (const got of results) expect(got).toEqual(results[0]);
  expectNothingLeft(bench);
  return results[0] as string[];
}

describe("several delimiters", () => {
  it.each([
    ["line ends", ["\r\n", "\n", "\r"], "a\r\nb\nc\r\rd\n\re\r", ["a", "b", "c", "", "d", "", "e"]],
    ["prefixes", ["a", "ab", "abc"], "1a2ab3abc4abab", ["1", "2", "3", "4", ""]],
    ["suffixes", ["abc", "bc", "c"], "1abc2bc3c4abbc", ["1", "2", "3", "4ab"]],
    ["an inner one, if the outer one fails", ["abcd", "bc"], "1abcd2abce3abc", ["1", "2a", "e3a"]],
    ["the first, not the first to end", ["b", "abc"], "1abc2ab3", ["1", "2a"]],
    ["one that may grow long", ["a", "aaaab"], "aaaaaaab", ["", "", "", ""]],
    ["overlaps", ["aba", "bab"], "1ababab2bababa3", ["1", "", "2", ""]],
    ["equal ones", ["\n", "\n", Uint8Array.of(10)], "a\nb\n", ["a", "b"]],
    ["one in an array", ["\r\n"], "a\r\nb\r\n", ["a", "b"]],
    ["text beyond ASCII", ["é", "\u{1f600}"], "1\xc3\xa92\xf0\x9f\x98\x80", ["1", "2"]],
  ] as const)("%s", (_name, delimiter, stream, frames) => {
    const expected: string[] = [...frames];
    const got = cut(newBench(), { delimiter, unended: "frame" }, stream);
    expect(got.slice(0, expected.length)).toEqual(expected);
    expect(got.length - expected.length).toBeLessThanOrEqual(1);
    const whole = cut(newBench(), { delimiter, unended: "frame", strip: false }, stream);
    expect(whole.join("")).toBe(Buffer.from(stream, "latin1").toString());
    expect(whole).toHaveLength(got.length);
  });

  it("may be many and long, and all bytes", () => {
    const many = Array.from({ length: 64 }, (_, index) => `${"x".repeat(index)}${index};`);
    const stream = many.map((one, index) => `(${index})${one}`).join("");
    const expected = many.map((_, index) => `(${index})`);
    expect(cut(newBench(), { delimiter: many }, stream)).toEqual(expected);
    const all = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
    expect(cut(newBench(), { delimiter: all }, "abc")).toEqual(["", "", ""]);
  });

  it("are copied, and looked for in long frames", () => {
    const bench = newBench();
    const delimiter = [Uint8Array.of(10), Uint8Array.of(13, 10)];
    const framer = open(bench, { delimiter, maximum: 50_000 });
    delimiter[0]?.fill(65);
    delimiter.length = 0;
    const got: string[] = [];
    framer.push(ascii(`${"A".repeat(40_000)}\r\nA\n`), collect(got));
    expect(got.map(({ length }) => length)).toEqual([40_000, 1]);
    framer.end();
    expectNothingLeft(bench);
  });
});

describe("one of several delimiters", () => {
  it("waits where a longer one can come, and not where none can", () => {
    const bench = newBench();
    const framer = open(bench, { delimiter: ["\r", "\r\n", "\n"] });
    const got: string[] = [];
    for (const [piece, count] of [
      ["a\n", 1],
      ["b\r", 1],
      ["c", 2],
      ["\r", 2],
      ["\n", 3],
    ] as const) {
      framer.push(ascii(piece), collect(got));
      expect(got).toHaveLength(count);
    }
    expect(got).toEqual(["a", "b", "c"]);
    framer.end();
    expectNothingLeft(bench);
  });

  it("counts for `maximum`, whatever the chunks", () => {
    const bench = newBench();
    const delimiter = ["\r", "\r\n"];
    expect(cut(bench, { delimiter, maximum: 4 }, "abc\rab\r\n")).toEqual(["abc", "ab"]);
    for (const [stream, most] of [
      ["abcd", 4],
      ["abc\r\n", 5],
      ["abcd\r", 4],
    ] as const) {
      for (const step of [1, 2, 5]) {
        const framer = open(bench, { delimiter, maximum: 4 });
        framer.push(ascii("ab\r\n"), collect([]));
        let at = 0;
        const push = (): void => {
          for (; at < stream.length; at += step) {
            framer.push(ascii(stream.slice(at, at + step)), collect([]));
          }
        };
        const { details } = refusal(push, "ERR_TOO_LARGE");
        expect(details).toMatchObject({ position: 4, got: 5, maximum: 4 });
        expect(at).toBeLessThan(most);
      }
    }
    expectNothingLeft(bench);
  });
});

it("delimiters that are none are refused", () => {
  const bench = newBench();
  for (const delimiter of [[], [""], ["a", ""], ["a", 4], [null], [["a"]], {}, new Set(["a"])]) {
    const make = (): unknown => open(bench, { delimiter: wrong(delimiter) });
    expect(refusal(make, "ERR_INVALID_ARGUMENT").message).toContain("delimiter");
  }
  const make = (): unknown => open(bench, { delimiter: ["a", "bcd"], maximum: 2 });
  expect(refusal(make, "ERR_INVALID_ARGUMENT").message).toContain("from 3");
});

describe("the end of the stream", () => {
  const sets = [["\n"], ["\r", "\r\n", "\n"]];

  it.each(sets)("without a delimiter is an error, or a frame if it may be (%j)", (...delimiter) => {
    const bench = newBench();
    expect(cut(bench, { delimiter, unended: "frame" }, "a\nlast")).toEqual(["a", "last"]);
    expect(cut(bench, { delimiter, unended: "frame" }, "a\n")).toEqual(["a"]);
    expect(cut(bench, { delimiter, unended: "frame" }, "")).toEqual([]);
    expect(cut(bench, { delimiter, unended: "frame", strip: false }, "a\nb")).toEqual(["a\n", "b"]);
    for (const onFrame of [undefined, collect([])]) {
      const framer = open(bench, { delimiter });
      framer.push(ascii("a\nlast"), collect([]));
      const error = refusal(() => framer.end(onFrame), "ERR_TRUNCATED");
      expect(error.details).toMatchObject({ position: 2, got: 4 });
      refusal(() => framer.end(), "ERR_CLOSED");
    }
    expectNothingLeft(bench);
  });

  it("ends a frame whose delimiter could have been longer", () => {
    const bench = newBench();
    expect(cut(bench, { delimiter: ["\r", "\r\n"] }, "a\r")).toEqual(["a"]);
    expect(cut(bench, { delimiter: ["a", "aaaaa"] }, "aaa")).toEqual(["", "", ""]);
    const framer = open(bench, { delimiter: ["a", "aaaaa", "b", "bbb"] });
    framer.push(ascii("1aa2"), collect([]));
    const got: string[] = [];
    expect(refusal(() => framer.end(collect(got)), "ERR_TRUNCATED").details.position).toBe(3);
    expectNothingLeft(bench);
  });

  it("needs who takes the frame, and else changes nothing", () => {
    const bench = newBench();
    for (const options of [{ delimiter: ["\r", "\r\n"] }, { delimiter: "\r", unended: "frame" }]) {
      const framer = open(bench, wrong<Options>(options));
      framer.push(ascii("a\rb"), collect([]));
      if (options.unended === undefined) framer.push(ascii("\r"), collect([]));
      expect(refusal(() => framer.end(), "ERR_INVALID_ARGUMENT").message).toContain("onFrame");
      refusal(() => framer.endScan(), "ERR_INVALID_ARGUMENT");
      refusal(() => framer.end(wrong("f")), "ERR_INVALID_ARGUMENT");
      const got: string[] = [];
      framer.push(ascii("c\r"), collect(got));
      framer.push(ascii("d"), collect(got));
      if (options.unended === undefined) framer.push(ascii("\r"), collect(got));
      framer.endScan(reader(got));
      expect(got).toEqual(options.unended === undefined ? ["b", "c", "d"] : ["bc", "d"]);
    }
    expectNothingLeft(bench);
  });
});

it.each(["throws", "reset", "dispose", "rest", "push", "end"])(
  "onFrame of end may do %s",
  (what) => {
    const bench = newBench();
    for (const isScan of [true, false]) {
      const framer = open(bench, { delimiter: ["a", "aaaaa"] });
      framer.push(ascii("aaa"), collect([]));
      let frames = 0;
      const act = (): void => {
        frames++;
        if (what === "throws") throw new TypeError("mine");
        if (what === "reset") framer.reset();
        if (what === "dispose") framer[Symbol.dispose]();
        if (what === "end") framer.end((frame) => frame.release());
        if (what === "push")
          refusal(() => framer.push(ascii("a"), () => {}), "ERR_INVALID_ARGUMENT");
        if (what !== "rest") return;
        using rest = framer.rest();
        expect(rest.toString()).toBe("aa");
      };
      const end = (): void => {
        if (isScan) framer.endScan(act);
        else {
          framer.end((frame) => {
            frame.release();
            act();
          });
        }
      };
      if (what === "throws") expect(end).toThrow(TypeError);
      else end();
      expect(frames).toBe(1);
      if (what === "reset") framer.push(ascii("1a2a"), collect([]));
      else refusal(() => framer.push(ascii("a"), () => {}), "ERR_CLOSED");
      framer[Symbol.dispose]();
      expectNothingLeft(bench);
    }
  },
);

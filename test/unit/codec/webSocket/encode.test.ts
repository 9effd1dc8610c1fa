import { describe, expect, it } from "vitest";
import type { Bytes, BytesPool } from "../../../../src/buffers/index.js";
import { encodeClose, encodeFrame, OPCODE } from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { type Bench, expectNothingLeft, newBench, refusal } from "../framing/help.js";
import { framer, frames } from "./help.js";

const PAYLOADS: readonly (readonly number[])[] = [
  [],
  [97],
  [0xff],
  [3, 0xe8],
  [3, 0xe8, 97],
  [3, 0xe8, 0xff],
  [3, 0xed],
  [0xe2, 0x82],
  [0xe2, 0x82, 0xac],
  [0xed, 0xa0],
  new Array<number>(125).fill(97),
  new Array<number>(126).fill(97),
  [3, 0xe8, ...new Array<number>(123).fill(97)],
  [3, 0xe8, ...new Array<number>(124).fill(97)],
];

/** Whether the reader of the other side takes the frame. */
function isTaken(bench: Bench, opcode: number, first: number, payload: readonly number[]): boolean {
  const to = framer(bench, { rsv: 7 });
  try {
    if (opcode === OPCODE.CONTINUATION) to.push(Uint8Array.of(2, 0), () => {});
    to.push(frames([first, payload]), (message) => message.release());
    return true;
  } catch {
    return false;
  } finally {
    to[Symbol.dispose]();
  }
}

function isWritten(encode: () => Bytes): boolean {
  try {
    encode().release();
    return true;
  } catch {
    return false;
  }
}

it("encodeFrame refuses exactly what the framer refuses", () => {
  const bench = newBench();
  const { pool } = bench;
  let refused = 0;
  for (let first = 0; first < 256; first++) {
    const [opcode, rsv, fin] = [first & 15, (first >> 4) & 7, first >= 0x80];
    for (const payload of PAYLOADS) {
      const expected = isTaken(bench, opcode, first, payload);
      if (!expected) refused++;
      const bytes = Uint8Array.from(payload);
      for (const mask of [false, true]) {
        const header = { opcode, rsv, fin, mask };
        using handle = pool.from(bytes);
        const isSame =
          isWritten(() => encodeFrame(pool, header, bytes)) === expected &&
          isWritten(() => encodeFrame(pool, header, handle)) === expected;
        if (!isSame) throw new Error(`${first}, ${payload}: ${expected}`);
      }
    }
  }
  expect(refused).toBeGreaterThan(2000);
  expectNothingLeft(bench);
});

it("close codes are those that may be sent, all 65536", () => {
  const bench = newBench();
  const taken: number[] = [];
  for (let code = 0; code < 65536; code++) {
    if (isWritten(() => encodeClose(bench.pool, code))) taken.push(code);
  }
  const known = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  expect(taken).toEqual([...known, ...Array.from({ length: 2000 }, (_, at) => 3000 + at)]);
  for (const code of taken) {
    if (!isTaken(bench, OPCODE.CLOSE, 0x88, [code >> 8, code & 255])) throw new Error(`${code}`);
  }
  expectNothingLeft(bench);
});

describe("a text", () => {
  it.each([
    [[97, 0xff, 98], 1],
    [[97, 0xed, 0xa0, 0x80], 2],
    [[97, 98, 0xe2, 0x82], 4],
  ])("of the bytes %o is malformed at %i", (bytes, position) => {
    const bench = newBench();
    const encode = (): unknown =>
      encodeFrame(bench.pool, { opcode: OPCODE.TEXT }, Uint8Array.from(bytes));
    const { details, message } = refusal(encode, "ERR_MALFORMED");
    expect(details).toMatchObject({ position, expected: "UTF-8" });
    expect(message).toContain(`malformed at ${position}`);
    expectNothingLeft(bench);
  });

  it("that is long is checked where it lies, across the parts of a chain", () => {
    const bench = newBench();
    const { pool } = bench;
    using start = pool.from(`${"a".repeat(2000)}ü`);
    using euro = pool.from([0xe2, 0x82]);
    using end = pool.from([0xac, 98]);
    using text = start.concat(euro, end);
    using frame = encodeFrame(pool, { opcode: OPCODE.TEXT }, text);
    expect(frame.length).toBe(text.length + 4);
    for (const [fin, other, position] of [
      [true, start.concat(euro), 2004],
      [true, start.concat(euro, start), 2004],
      [false, start.concat(end), 2002],
    ] as const) {
      using bad = other;
      const encode = (): unknown => encodeFrame(pool, { opcode: OPCODE.TEXT, fin }, bad);
      expect(refusal(encode, "ERR_MALFORMED").details.position).toBe(position);
    }
    using open = start.concat(euro);
    encodeFrame(pool, { opcode: OPCODE.TEXT, fin: false }, open).release();
    for (const bytes of [frame, text, start, euro, end, open]) bytes.release();
    expectNothingLeft(bench);
  });

  it("of a string with a lone surrogate has U+FFFD there, as TextEncoder has it", () => {
    const bench = newBench();
    for (const text of ["a\ud800b", "\udc00", `${"x".repeat(2000)}\ud800`]) {
      using frame = encodeFrame(bench.pool, { opcode: OPCODE.TEXT }, text);
      const wanted = new TextEncoder().encode(text);
      expect(frame.toUnshared().subarray(-wanted.length)).toEqual(wanted);
    }
    expectNothingLeft(bench);
  });
});

describe("encodeClose", () => {
  it("writes a code and a reason, also with a mask", () => {
    const bench = newBench();
    for (const [reason, mask] of [
      ["", false],
      ["grün", false],
      ["a\ud800", true],
      ["ü".repeat(61), true],
      ["x".repeat(123), Uint8Array.of(1, 2, 3, 4)],
    ] as const) {
      const role = mask === false ? "client" : "server";
      const seen: unknown[] = [];
      framer(bench, { role }).push(encodeClose(bench.pool, 4321, reason, mask), (message) => {
        seen.push(message.closeCode, message.text);
        message.release();
      });
      expect(seen).toEqual([4321, reason.replace("\ud800", "\ufffd")]);
    }
    expectNothingLeft(bench);
  });

  it("refuses what cannot be sent", () => {
    const bench = newBench();
    const { pool } = bench;
    const long = refusal(() => encodeClose(pool, 1000, "ü".repeat(62)), "ERR_TOO_LARGE");
    expect(long.details).toEqual({ got: 124, most: 123 });
    refusal(() => encodeClose(pool, 1005), "ERR_INVALID_ARGUMENT");
    refusal(() => encodeClose(pool, 3000.5), "ERR_INVALID_ARGUMENT");
    refusal(() => encodeClose(pool, wrong("1000")), "ERR_INVALID_ARGUMENT");
    refusal(() => encodeClose(pool, 1000, wrong(7)), "ERR_INVALID_ARGUMENT");
    refusal(() => encodeClose(pool, 1000, "", wrong("x")), "ERR_INVALID_ARGUMENT");
    refusal(() => encodeClose(wrong<BytesPool>({}), 1000), "ERR_INVALID_ARGUMENT");
    expectNothingLeft(bench);
  });
});

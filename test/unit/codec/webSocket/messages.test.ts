import { describe, expect, it } from "vitest";
import { OPCODE } from "../../../../src/codec/index.js";
import { expectNothingLeft, newBench, refusal } from "../framing/help.js";
import { everyWay, FIN, framer, frames, type Piece, see } from "./help.js";

const { TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG } = OPCODE;

/** Frames, and what comes out. */
const RIGHT: [string, Piece[], string[]][] = [
  ["a text", [[FIN | TEXT, "grün"]], ["1 grün"]],
  ["an empty text", [[FIN | TEXT, ""]], ["1 "]],
  ["bytes", [[FIN | BINARY, "\0\x01"]], ["2 \0\x01"]],
  [
    "fragments",
    [
      [TEXT, "a"],
      [CONTINUATION, "b"],
      [FIN, "c"],
    ],
    ["1 abc"],
  ],
  [
    "empty fragments",
    [
      [TEXT, ""],
      [CONTINUATION, ""],
      [CONTINUATION, "x"],
      [FIN, ""],
    ],
    ["1 x"],
  ],
  [
    "nothing but empty fragments",
    [
      [BINARY, ""],
      [FIN, ""],
    ],
    ["2 "],
  ],
  [
    "the whole payload in the last fragment",
    [
      [BINARY, ""],
      [FIN, "all"],
    ],
    ["2 all"],
  ],
  [
    "pings and pongs between fragments, at once",
    [
      [TEXT, "a"],
      [FIN | PING, "1"],
      [CONTINUATION, ""],
      [FIN | PONG, ""],
      [FIN, "b"],
    ],
    ["9 1", "10 ", "1 ab"],
  ],
  [
    "code points cut anywhere",
    [
      [TEXT, [0xf0]],
      [CONTINUATION, [0x9f, 0x8e]],
      [FIN | PING, [0xff]],
      [CONTINUATION, []],
      [FIN, [0x89]],
    ],
    ["9 \ufffd", "1 🎉"],
  ],
  [
    "bytes that are no UTF-8, as bytes",
    [
      [BINARY, [0xff]],
      [FIN, [0xc0]],
    ],
    ["2 \ufffd\ufffd"],
  ],
  [
    "two messages after each other",
    [
      [TEXT, "a"],
      [FIN, "b"],
      [FIN | TEXT, "c"],
      [BINARY, "d"],
      [FIN, "e"],
    ],
    ["1 ab", "1 c", "2 de"],
  ],
  ["a close frame without a code", [[FIN | CLOSE, ""]], ["8 1005 "]],
  ["a close frame with a reason", [[FIN | CLOSE, [3, 0xe9, 103, 0xc3, 0xbc]]], ["8 1001 gü"]],
  [
    "a close frame within a message, and nothing after it",
    [
      [TEXT, "a"],
      [FIN | CLOSE, [3, 0xe8]],
      [FIN, "b"],
      [FIN | TEXT, "c"],
      [0xff, ""],
    ],
    ["8 1000 "],
  ],
];

describe("what is right", () => {
  it.each(RIGHT)("%s", (_name, pieces, expected) => {
    everyWay(frames(...pieces), (push) => {
      const got: string[] = [];
      push(got);
      expect(got).toEqual(expected);
    });
  });
});

/** What is wrong, where, with which close code, and what came before. */
const WRONG: [string, Piece[], number, number, string[]][] = [
  ["a byte that is no UTF-8", [[FIN | TEXT, [97, 0xff]]], 3, 1007, []],
  ["a text that ends within a code point", [[FIN | TEXT, [0xe2, 0x82]]], 4, 1007, []],
  ["the same in fragments", [...two([97, 0xe2], [0x82])], 7, 1007, []],
  ["a surrogate, cut", [...two([0xed], [0xa0, 0x80])], 5, 1007, []],
  ["beyond U+10FFFF, cut", [...two([0xf4], [0x90])], 5, 1007, []],
  ["an overlong form", [[FIN | TEXT, [0xc0, 0xaf]]], 2, 1007, []],
  [
    "UTF-8 that a new text does not go on with",
    [
      [FIN | TEXT, "a"],
      [FIN | TEXT, [0x82]],
    ],
    5,
    1007,
    ["1 a"],
  ],
  ["a wrong byte before the fin", [...two([0xff], [])], 2, 1007, []],
  ["a continuation of nothing", [[FIN, ""]], 0, 1002, []],
  [
    "a continuation after a message",
    [
      [FIN | TEXT, "a"],
      [0, "b"],
    ],
    3,
    1002,
    ["1 a"],
  ],
  [
    "a message within a message",
    [
      [TEXT, "a"],
      [FIN | PING, "p"],
      [FIN | TEXT, "b"],
    ],
    6,
    1002,
    ["9 p"],
  ],
  ["a ping without fin", [[PING, ""]], 0, 1002, []],
  ["a ping of 126 bytes", [[FIN | PING, new Array<number>(126).fill(0)]], 1, 1002, []],
  ["a close frame without fin", [[CLOSE, ""]], 0, 1002, []],
  ["a close frame of 1 byte", [[FIN | CLOSE, [3]]], 2, 1002, []],
  ["a close reason that is no UTF-8", [[FIN | CLOSE, [3, 0xe8, 0xff]]], 4, 1007, []],
  ...[1, 2, 4].map((rsv): (typeof WRONG)[number] => [
    `reserved bits ${rsv}`,
    [
      [FIN | TEXT, "a"],
      [FIN | (rsv << 4) | TEXT, "b"],
    ],
    3,
    1002,
    ["1 a"],
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): (typeof WRONG)[number] => [
    `opcode ${opcode}`,
    [
      [FIN | PING, "a"],
      [FIN | opcode, ""],
    ],
    3,
    1002,
    ["9 a"],
  ]),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (code): (typeof WRONG)[number] => [
      `close code ${code}`,
      [[FIN | CLOSE, [code >> 8, code & 255]]],
      2,
      1002,
      [],
    ],
  ),
];

function two(first: readonly number[], second: readonly number[]): Piece[] {
  return [
    [TEXT, first],
    [FIN, second],
  ];
}

describe("what is wrong", () => {
  it.each(WRONG)("%s", (_name, pieces, position, closeCode, before) => {
    everyWay(frames(...pieces), (push) => {
      const got: string[] = [];
      const { details, message } = refusal(() => push(got), "ERR_MALFORMED");
      expect(details).toMatchObject({ position, closeCode });
      expect(message).toContain(`malformed at ${position}`);
      expect(got).toEqual(before);
    });
  });

  it("is refused before the rest of the frame has come", () => {
    const bench = newBench();
    const to = framer(bench);
    to.push(Uint8Array.of(0x81, 100, 97, 0xed), () => {});
    const { details } = refusal(() => to.push(Uint8Array.of(0xa0), () => {}), "ERR_MALFORMED");
    expect(details).toMatchObject({ position: 4, closeCode: 1007 });
    refusal(() => to.push(Uint8Array.of(0), () => {}), "ERR_CLOSED");
    expectNothingLeft(bench);
  });

  it("is not text that an extension decodes, but goes on to be the text of others", () => {
    const bench = newBench();
    const got: string[] = [];
    const to = framer(bench, { rsv: 4 });
    to.push(frames([FIN | 0x41, [0xff]], [0x41, [0xff]], [FIN, [0xfe]]), see(got));
    expect(got).toEqual(["1 \ufffd", "1 \ufffd\ufffd"]);
    refusal(() => to.push(frames([FIN | TEXT, [0xff]]), see(got)), "ERR_MALFORMED");
    expectNothingLeft(bench);
  });
});

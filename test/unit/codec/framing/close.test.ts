import { describe, expect, it } from "vitest";
import type { BytesPool } from "../../../../src/buffers/index.js";
import { encodeFrame, OPCODE, WebSocketFramer } from "../../../../src/codec/index.js";
import { type Bench, expectNothingLeft, newBench, refusal } from "./help.js";

const ROLES = ["server", "client"] as const;

function framerOf({ pool }: Bench, role: "server" | "client"): WebSocketFramer {
  return new WebSocketFramer(pool, { role, maximum: 1000 });
}

/** A frame as the other side sends it. */
function frame(pool: BytesPool, role: string, opcode: number, payload: Uint8Array): Uint8Array {
  // As a pong, because the writer refuses what is wrong with a close frame.
  using bytes = encodeFrame(pool, { opcode: OPCODE.PONG, mask: role === "server" }, payload);
  bytes.set(0, 0x80 | opcode);
  return bytes.toUnshared();
}

function closeOf(pool: BytesPool, role: string, code: number, reason: readonly number[] = []) {
  return frame(pool, role, OPCODE.CLOSE, Uint8Array.of(code >> 8, code & 255, ...reason));
}

/** Every way to hand bytes over. Each notes opcodes. */
const WAYS: [
  string,
  (bench: Bench, f: WebSocketFramer, bytes: Uint8Array, to: number[]) => void,
][] = [
  [
    "a chunk of the heap",
    ({ pool }, framer, bytes, to) => framer.push(pool.from(bytes), (got) => note(got, to)),
  ],
  [
    "a frozen chunk",
    ({ pool }, framer, bytes, to) => framer.push(pool.from(bytes).freeze(), (got) => note(got, to)),
  ],
  ["an array", (_bench, framer, bytes, to) => framer.push(bytes, (got) => note(got, to))],
  [
    "single bytes",
    (_bench, framer, bytes, to) => {
      for (const byte of bytes) framer.push(Uint8Array.of(byte), (got) => note(got, to));
    },
  ],
  [
    "a scanned array",
    (_bench, framer, bytes, to) => {
      const copy = Uint8Array.from(bytes);
      const taken = framer.scan(copy, 0, copy.length, (_v, _o, _l, first) => to.push(first & 15));
      expect(taken).toBe(copy.length);
    },
  ],
  [
    "scanned single bytes",
    (_bench, framer, bytes, to) => {
      for (const byte of bytes) {
        framer.scan(Uint8Array.of(byte), 0, 1, (_v, _o, _l, first) => to.push(first & 15));
      }
    },
  ],
];

function note(got: { readonly opcode: number; release(): void }, to: number[]): void {
  to.push(got.opcode);
  got.release();
}

describe.each(WAYS)("a close frame in %s", (_name, push) => {
  it.each([
    ["a byte that is none", [0xff, 0xfe]],
    ["a lone continuation", [97, 0x80]],
    ["a sequence cut off", [97, 0xe2, 0x82]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["more bytes than are needed", [0xc0, 0xaf]],
    ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["123 bytes, the last one wrong", [...new Array(122).fill(97), 0xc3]],
  ])("with a reason that is no UTF-8 is malformed: %s", (_what, reason) => {
    for (const role of ROLES) {
      const bench = newBench();
      const bytes = closeOf(bench.pool, role, 1000, reason);
      const got: number[] = [];
      const action = (): void => push(bench, framerOf(bench, role), bytes, got);
      const { details } = refusal(action, "ERR_MALFORMED");
      const position = role === "server" ? 8 : 4;
      expect(details).toMatchObject({ closeCode: 1007, position, expected: "UTF-8" });
      expect(got).toEqual([]);
      expectNothingLeft(bench);
    }
  });

  it("with a reason that is UTF-8 is delivered", () => {
    for (const reason of ["", "bye", "\0", "\ufeffgrün", "日本", "🙂", "ü".repeat(61)]) {
      for (const role of ROLES) {
        const bench = newBench();
        const bytes = closeOf(bench.pool, role, 1000, [...Buffer.from(reason)]);
        const got: number[] = [];
        push(bench, framerOf(bench, role), bytes, got);
        expect(got).toEqual([OPCODE.CLOSE]);
        expectNothingLeft(bench);
      }
    }
  });

  it("is the last frame: what follows is ignored and takes no memory", () => {
    for (const role of ROLES) {
      const bench = newBench();
      const { pool } = bench;
      const framer = framerOf(bench, role);
      const data = frame(pool, role, OPCODE.BINARY, new Uint8Array(50));
      const close = frame(pool, role, OPCODE.CLOSE, new Uint8Array(0));
      const got: number[] = [];
      push(bench, framer, Buffer.concat([data, close, data, close, data.subarray(0, 20)]), got);
      expect(got).toEqual([OPCODE.BINARY, OPCODE.CLOSE]);
      expect([framer.keptBytes, bench.heap.stats().live.blocks]).toEqual([0, 0]);
      // Whatever it is: halves of frames, what is no frame, much of it.
      for (let count = 0; count < 5; count++)
        push(bench, framer, new Uint8Array(999).fill(0xff), got);
      const all = 2 * data.length + 2 * close.length + 20 + 5 * 999;
      expect([got.length, framer.position, framer.keptBytes]).toEqual([2, all, 0]);
      framer.end();
      framer.reset();
      push(bench, framer, data, got);
      expect(got).toEqual([OPCODE.BINARY, OPCODE.CLOSE, OPCODE.BINARY]);
      expectNothingLeft(bench);
    }
  });
});

describe("close frames", () => {
  it("have a code that may be sent", () => {
    const sent = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    const accepted = new Set([...sent, ...Array.from({ length: 2000 }, (_, at) => 3000 + at)]);
    const bench = newBench();
    const framer = framerOf(bench, "client");
    for (let code = 0; code < 65536; code++) {
      if (code > 5100 && code % 997 > 0) continue;
      framer.reset();
      const got: number[] = [];
      const push = (): void => {
        framer.push(Uint8Array.of(0x88, 2, code >> 8, code & 255), (frame) => note(frame, got));
      };
      if (accepted.has(code)) push();
      else expect(refusal(push, "ERR_MALFORMED").details).toMatchObject({ closeCode: 1002 });
      expect(got.length).toBe(accepted.has(code) ? 1 : 0);
    }
    expectNothingLeft(bench);
  });

  it("may come within a message in fragments, which stays unfinished", () => {
    const bench = newBench();
    const framer = framerOf(bench, "client");
    const got: number[] = [];
    framer.push(Uint8Array.of(1, 1, 65, 0x88, 0, 0x80, 1, 66), (frame) => note(frame, got));
    expect(got).toEqual([OPCODE.TEXT, OPCODE.CLOSE]);
    framer.end();
    expectNothingLeft(bench);
  });

  it("let onFrame reset the framer for another stream in the same chunk, or dispose of it", () => {
    const bench = newBench();
    const framer = framerOf(bench, "client");
    const got: number[] = [];
    framer.push(Uint8Array.of(0x88, 0, 0x81, 0), (frame) => {
      note(frame, got);
      framer.reset();
    });
    expect([got, framer.position]).toEqual([[OPCODE.CLOSE], 0]);
    framer.push(Uint8Array.of(0x81, 0, 0x88, 0, 0x88), (frame) => {
      note(frame, got);
      framer[Symbol.dispose]();
    });
    expect(got).toEqual([OPCODE.CLOSE, OPCODE.TEXT]);
    refusal(() => framer.push(Uint8Array.of(0x88, 0), () => {}), "ERR_CLOSED");
    expectNothingLeft(bench);
  });
});

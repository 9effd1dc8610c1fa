import { describe, expect, it } from "vitest";
import { partsOf } from "../../../../src/buffers/internal.js";
import {
  encodeFrame,
  type FrameHeader,
  OPCODE,
  type WebSocketFrame,
  WebSocketFramer,
} from "../../../../src/codec/index.js";
import { maskRange } from "../../../../src/codec/webSocket/mask.js";
import { wrong } from "../../help.js";
import { ascii, type Bench, expectNothingLeft, newBench, refusal } from "./help.js";

const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

function server({ pool }: Bench, rsv = 0): WebSocketFramer {
  return new WebSocketFramer(pool, { role: "server", maximum: 100_000, rsv });
}

function client({ pool }: Bench, rsv = 0): WebSocketFramer {
  return new WebSocketFramer(pool, { role: "client", maximum: 100_000, rsv });
}

interface Seen {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly text: string;
}

function see(list: Seen[]): (frame: WebSocketFrame) => void {
  return (frame) => {
    const { fin, rsv, opcode, isMasked, payload } = frame;
    list.push({ fin, rsv, opcode, isMasked, text: payload.toString() });
    frame[Symbol.dispose]();
  };
}

describe("the examples of RFC 6455, 5.7", () => {
  it.each([
    ["a text", [0x81, 5, 72, 101, 108, 108, 111], ["Hello"]],
    [
      "a masked text",
      [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
      ["Hello"],
    ],
    ["fragments", [1, 3, 72, 101, 108, 0x80, 2, 108, 111], ["Hel", "lo"]],
    ["a ping", [0x89, 5, 72, 101, 108, 108, 111], ["Hello"]],
    [
      "a masked pong",
      [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
      ["Hello"],
    ],
  ])("%s", (_name, stream, expected) => {
    const bench = newBench();
    const isMasked = ((stream[1] as number) & 0x80) !== 0;
    const framer = isMasked ? server(bench) : client(bench);
    const seen: Seen[] = [];
    framer.push(bench.pool.from(stream), see(seen));
    framer.end();
    expect(seen.map(({ text }) => text)).toEqual(expected);
    expect(seen.every((frame) => frame.isMasked === isMasked)).toBe(true);
    expect(seen[0]).toMatchObject({ opcode: (stream[0] as number) & 15, rsv: 0 });
    expectNothingLeft(bench);
  });
});

describe("malformed frames", () => {
  it.each([
    ["a reserved opcode", [0x83, 0x80], 0],
    ["a reserved control opcode", [0x8b, 0x80], 0],
    ["a reserved bit", [0xc1, 0x80], 0],
    ["a ping that is fragmented", [0x09, 0x80], 0],
    ["a ping of 126 bytes", [0x89, 0xfe, 0, 126], 1],
    ["a continuation of nothing", [0x80, 0x80], 0],
    ["no mask", [0x81, 0x00], 1],
    ["125 in two bytes", [0x82, 0xfe, 0, 125], 2],
    ["65535 in eight bytes", [0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255], 2],
    ["a length of 64 bits", [0x82, 0xff, 128, 0, 0, 0, 0, 0, 0, 0], 2],
    ["a close code cut off", [0x88, 0x81, 0, 0, 0, 0, 3], 6],
    ["a close code that is not sent", [0x88, 0x82, 0, 0, 0, 0, 3, 0xed], 6],
  ])("%s", (_name, stream, offset) => {
    for (const inPieces of [false, true]) {
      const bench = newBench();
      const framer = server(bench);
      const first = [0x82, 0x81, 0, 0, 0, 0, 65];
      const push = (bytes: number[]): void => framer.push(bench.pool.from(bytes), see([]));
      push(first);
      const action = (): void => {
        if (inPieces) for (const byte of stream) push([byte]);
        else push(stream);
      };
      const error = refusal(action, "ERR_MALFORMED");
      expect(error.details).toMatchObject({ position: first.length + offset, closeCode: 1002 });
      expect(error.message).toContain("expected");
      expectNothingLeft(bench);
    }
  });

  it("a new message within a message, and reserved bits after the first frame", () => {
    for (const [second, rsv] of [
      [0x81, 0],
      [0xc0, 4],
    ] as const) {
      const bench = newBench();
      const framer = client(bench, rsv);
      framer.push(ascii("\x01\0\x89\0"), see([]));
      const error = refusal(() => framer.push(Uint8Array.of(second, 0), see([])), "ERR_MALFORMED");
      expect(error.details.position).toBe(4);
      framer.reset();
      framer.push(ascii("\x01\0"), see([]));
      framer[Symbol.dispose]();
      expectNothingLeft(bench);
    }
  });

  it("a mask from a server", () => {
    const bench = newBench();
    refusal(() => client(bench).push(Uint8Array.of(0x81, 0x80), see([])), "ERR_MALFORMED");
    expectNothingLeft(bench);
  });

  it("a payload of more than the maximum is refused by its header", () => {
    const bench = newBench();
    const header = Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1);
    const error = refusal(() => client(bench).push(header, see([])), "ERR_TOO_LARGE");
    expect(error.details).toMatchObject({ position: 0, got: 100_001, closeCode: 1009 });
    expectNothingLeft(bench);
  });
});

describe("unmasking", () => {
  it("changes any bytes at any alignment, and no others", () => {
    const { heap } = newBench();
    const { u8, i32 } = heap;
    const start = heap.malloc(200);
    const word = new DataView(MASK.buffer).getInt32(0, true);
    for (let offset = 4; offset < 12; offset++) {
      for (let length = 0; length <= 70; length++) {
        for (let at = 0; at < 200; at++) u8[start + at] = at;
        maskRange(u8, i32, start + offset, start + offset + length, word);
        for (let at = 0; at < 200; at++) {
          const inside = at >= offset && at < offset + length;
          const key = inside ? (MASK[(at - offset) & 3] as number) : 0;
          if (u8[start + at] !== (at ^ key)) throw new Error(`${offset}, ${length}: byte ${at}`);
        }
      }
    }
  });

  it("is in place, but not in a frozen chunk", () => {
    const bench = newBench();
    const masked = bench.pool.from([0x82, 0x84, ...MASK, ...MASK]);
    for (const isFrozen of [false, true]) {
      const chunk = isFrozen ? bench.pool.from(masked.toUnshared()).freeze() : masked.retain();
      using shared = chunk.slice(6);
      server(bench).push(chunk, (frame) => {
        expect(frame.payload.toUnshared()).toEqual(new Uint8Array(4));
        expect(shared.equals(isFrozen ? MASK : new Uint8Array(4))).toBe(true);
        frame.release();
      });
      if (!isFrozen) masked.write(MASK, 6);
    }
    masked.release();
    expectNothingLeft(bench);
  });
});

const SIZES = [0, 1, 125, 126, 127, 1024, 1025, 65535, 65536, 99_999];

describe("encodeFrame", () => {
  it.each(SIZES)("%i bytes come back", (size) => {
    const bench = newBench();
    const plain = Uint8Array.from({ length: size }, (_, at) => at * 7);
    for (const mask of [undefined, true, MASK] as const) {
      for (const kind of ["bytes", "array", "frozen"]) {
        const framer = mask === undefined ? client(bench, 7) : server(bench, 7);
        const bytes = bench.pool.from(plain);
        if (kind === "frozen") bytes.freeze();
        const header = { opcode: OPCODE.BINARY, rsv: 5, fin: false, ...(mask && { mask }) };
        const frame = encodeFrame(bench.pool, header, kind === "array" ? plain : bytes);
        expect(bytes.equals(plain)).toBe(true);
        bytes.release();
        let count = 0;
        framer.push(frame, (got) => {
          count++;
          expect(got).toMatchObject({ opcode: 2, rsv: 5, fin: false });
          expect(got.payload.equals(plain)).toBe(true);
          got.release();
        });
        framer.end();
        expect(count).toBe(1);
        expectNothingLeft(bench);
      }
    }
  });

  it("shares a long payload that is not masked, and copies a short one", () => {
    const bench = newBench();
    for (const [size, parts] of [
      [1024, 1],
      [1025, 2],
    ] as const) {
      using payload = bench.pool.alloc(size);
      using frame = encodeFrame(bench.pool, { opcode: OPCODE.TEXT }, payload);
      expect(partsOf(frame)).toHaveLength(parts);
      expect(frame.length).toBe(size + 4);
    }
    expectNothingLeft(bench);
  });

  it("masks differ", () => {
    const bench = newBench();
    const masks = new Set<string>();
    for (let count = 0; count < 600; count++) {
      using frame = encodeFrame(bench.pool, { opcode: OPCODE.TEXT, mask: true });
      masks.add(String(frame.toUnshared()));
    }
    expect(masks.size).toBeGreaterThan(590);
    expectNothingLeft(bench);
  });

  it.each([
    [{ opcode: 3 }, "x"],
    [{ opcode: -1 }, "x"],
    [{ opcode: 11 }, "x"],
    [{ opcode: 1, rsv: 8 }, "x"],
    [{ opcode: 9, fin: false }, "x"],
    [{ opcode: 9 }, "x".repeat(126)],
    [{ opcode: 1, mask: new Uint8Array(3) }, "x"],
    [{ opcode: 1, mask: 7 }, "x"],
    [{ opcode: 1 }, 7],
  ])("refuses %o", (header, payload) => {
    const bench = newBench();
    const encode = (): unknown =>
      encodeFrame(bench.pool, header as unknown as FrameHeader, wrong(payload));
    refusal(encode, "ERR_INVALID_ARGUMENT");
    expectNothingLeft(bench);
  });
});

it("options are checked", () => {
  const { pool } = newBench();
  for (const options of [
    { role: "peer", maximum: 1000 },
    { role: "server", maximum: 124 },
    { role: "server", maximum: 1000, rsv: 8 },
  ]) {
    refusal(() => new WebSocketFramer(pool, wrong(options)), "ERR_INVALID_ARGUMENT");
  }
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BufferError, type Bytes } from "../../src/buffers/index.js";
import { type WebSocketMessage, WebSocketMessageFramer } from "../../src/codec/index.js";
import { runs } from "../support/tier.js";
import { CAPACITY_BYTES, KINDS, type Kind, World } from "./framingWorld.js";
import {
  type MessagesOptions,
  type MessagesOutcome,
  referenceMessages,
} from "./messagesReference.js";

const RUNS = runs(150, 1000);
/** A header, the smallest block that is kept, and the rounding of a size class. */
const SLACK_BYTES = 1024;

const options: fc.Arbitrary<MessagesOptions> = fc.record({
  role: fc.constantFrom("server" as const, "client" as const),
  maximum: fc.constantFrom(125, 126, 200, 1000, 70_000),
  rsv: fc.constantFrom(0, 0, 4, 7),
  maximumFragments: fc.constantFrom(1, 3, 65536),
});

/** Text, in pieces that may be cut anywhere; and bytes, which may be none. */
const payload: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }).map(utf8) },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 60, size: "max" }).map(utf8) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => [...bytes]) },
  { weight: 1, arbitrary: fc.constantFrom(124, 125, 126, 300, 65535, 65536).map(letters) },
);

function utf8(text: string): number[] {
  return [...Buffer.from(text)];
}

function letters(count: number): number[] {
  return new Array<number>(count).fill(97);
}

interface Shape {
  readonly opcode: number;
  readonly rsv: number;
  readonly payload: readonly number[];
  /** Where it is cut, as fractions. */
  readonly cuts: readonly number[];
  readonly mask: Uint8Array;
  readonly odd: number;
}

const message: fc.Arbitrary<Shape> = fc.record({
  opcode: fc.constantFrom(1, 1, 1, 2, 8, 9, 10),
  rsv: fc.constantFrom(0, 0, 0, 0, 4),
  payload,
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
  mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  odd: fc.nat(40),
});

function frame(first: number, payload: readonly number[], mask: Uint8Array | undefined): number[] {
  const { length } = payload;
  const bit = mask === undefined ? 0 : 0x80;
  const head = [first, bit | (length < 126 ? length : length < 65536 ? 126 : 127)];
  if (length >= 126 && length < 65536) head.push(length >> 8, length & 255);
  if (length >= 65536) head.push(0, 0, 0, 0, length >>> 24, (length >> 16) & 255);
  if (length >= 65536) head.push((length >> 8) & 255, length & 255);
  if (mask === undefined) return [...head, ...payload];
  return [...head, ...mask, ...payload.map((byte, at) => byte ^ (mask[at & 3] as number))];
}

/** A message in frames; a control frame may stand between them, and something may be wrong. */
function framesOf(shape: Shape, isServer: boolean): number[] {
  const { opcode, rsv, payload, cuts, mask, odd } = shape;
  const key = (odd === 1) !== isServer ? mask : undefined;
  if (opcode >= 8) {
    const code = odd === 2 ? [3, 0xed] : [3, 0xe8];
    const body = opcode === 8 && odd !== 3 ? [...code, ...payload] : payload;
    return frame(0x80 | opcode, odd === 4 ? body : body.slice(0, 125), key);
  }
  const ends = [...cuts.map((cut) => Math.floor(cut * payload.length)), payload.length];
  ends.sort((a, b) => a - b);
  return ends.flatMap((end, index) => {
    const isLast = index === ends.length - 1 && odd !== 5;
    const first = index === 0 ? opcode | (rsv << 4) : 0;
    const piece = payload.slice(index === 0 ? 0 : ends[index - 1], end);
    const between = odd > 25 && index > 0 ? frame(0x89, letters(odd - 25), key) : [];
    return [...between, ...frame(first | (isLast ? 0x80 : 0), piece, key)];
  });
}

const cutting = fc.record({
  cuts: fc.oneof(
    fc.constant("each byte" as const),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30, size: "max" }),
  ),
  kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 5 }),
});

function cutsOf(cuts: "each byte" | readonly number[], length: number): number[] {
  if (cuts === "each byte" && length <= 1000) return Array.from({ length }, (_, at) => at);
  if (cuts === "each byte") return [];
  return cuts.map((cut) => Math.floor(cut * length)).sort((a, b) => a - b);
}

function take(message: WebSocketMessage, messages: MessagesOutcome["messages"]): void {
  const { opcode, payload, rsv } = message;
  messages.push({ first: 0x80 | (rsv << 4) | opcode, bytes: [...payload.toUnshared()] });
  message.release();
}

function hand(
  world: World,
  framer: WebSocketMessageFramer,
  bytes: Uint8Array,
  kind: Kind,
  messages: MessagesOutcome["messages"],
): void {
  if (!kind.startsWith("scanned")) {
    const chunk: Bytes | Uint8Array = world.chunk(bytes, kind);
    framer.push(chunk, (message) => take(message, messages));
    return;
  }
  const block = world.heap.malloc(bytes.length + 3);
  const isBlock = kind === "scanned block";
  const view = isBlock ? world.heap.u8 : new Uint8Array(bytes.length + 8);
  const offset = isBlock ? block + 3 : 5;
  view.set(bytes, offset);
  try {
    const taken = framer.scan(view, offset, bytes.length, (from, start, length, first) => {
      messages.push({ first, bytes: [...from.subarray(start, start + length)] });
    });
    expect(taken).toBe(bytes.length);
  } finally {
    world.heap.free(block);
  }
}

function run(
  world: World,
  framer: WebSocketMessageFramer,
  stream: Uint8Array,
  cuts: readonly number[],
  kinds: readonly Kind[],
  check: () => void = () => {},
): MessagesOutcome {
  const messages: MessagesOutcome["messages"] = [];
  try {
    [...cuts, stream.length].forEach((end, index) => {
      const start = index === 0 ? 0 : (cuts[index - 1] as number);
      const kind = kinds[index % kinds.length] as Kind;
      hand(world, framer, stream.subarray(start, end), kind, messages);
      check();
    });
    framer.end();
    return { messages, error: undefined };
  } catch (error) {
    if (!(error instanceof BufferError)) throw error;
    const { closeCode, expected, position } = error.details;
    expect(error.message).toContain(String(position));
    expect(expected).toBeTypeOf("string");
    const seen = { code: error.code, position, closeCode } as MessagesOutcome["error"];
    return { messages, error: seen };
  }
}

describe("any split of any stream gives the messages of the reference", () => {
  it("messages that are usually right", () => {
    const codes = new Set<unknown>();
    let joined = 0;
    const property = fc.property(
      options,
      fc.array(message, { maxLength: 8, size: "max" }),
      fc.nat(20),
      cutting,
      (plan, shapes, lost, { cuts, kinds }) => {
        const isServer = plan.role === "server";
        const all = shapes.flatMap((shape) => framesOf(shape, isServer));
        const stream = Uint8Array.from(lost < 15 ? all : all.slice(0, lost - 20));
        const world = new World();
        const framer = new WebSocketMessageFramer(world.pool, plan);
        const reference = referenceMessages([...stream], plan);
        const outcome = run(world, framer, stream, cutsOf(cuts, stream.length), kinds);
        expect(outcome).toEqual(reference);
        world.expectNothingLeft();
        framer.reset();
        expect(run(world, framer, stream, [], ["array"])).toEqual(reference);
        world.expectNothingLeft();
        codes.add(reference.error?.closeCode ?? reference.error?.code);
        joined += reference.messages.length;
      },
    );
    fc.assert(property, { numRuns: RUNS });
    expect(joined).toBeGreaterThan(RUNS / 2);
    expect([...codes]).toEqual(
      expect.arrayContaining([undefined, 1002, 1007, 1008, 1009, "ERR_TRUNCATED"]),
    );
  });

  it("any bytes", () => {
    const bytes = fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom(0x81, 1, 0, 0x80, 0x88, 0x89), fc.nat(8), fc.uint8Array()),
        fc.tuple(fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 300 })),
      ),
      { maxLength: 12, size: "max" },
    );
    const property = fc.property(options, bytes, cutting, (plan, parts, { cuts, kinds }) => {
      const bit = plan.role === "server" ? 0x80 : 0;
      const all = parts.flatMap(([first, second, rest]) => [first, second ^ bit, ...rest]);
      const stream = Uint8Array.from(all);
      const world = new World();
      const framer = new WebSocketMessageFramer(world.pool, plan);
      const outcome = run(world, framer, stream, cutsOf(cuts, stream.length), kinds);
      expect(outcome).toEqual(referenceMessages(all, plan));
      world.expectNothingLeft();
    });
    fc.assert(property, { numRuns: RUNS });
  });
});

it("messages never take more memory than twice what has come, and the maximum", () => {
  const maximum = 5000;
  const property = fc.property(
    fc.array(message, { maxLength: 8, size: "max" }),
    fc.integer({ min: 1, max: 700 }),
    fc.constantFrom("own" as const, "array" as const, "slice" as const),
    (shapes, step, kind) => {
      const bytes = shapes.flatMap((shape) => framesOf(shape, true)).slice(0, 100 * step);
      const world = new World();
      const plan = { role: "server", maximum, rsv: 0, maximumFragments: 100 } as const;
      const framer = new WebSocketMessageFramer(world.pool, plan);
      const cuts: number[] = [];
      for (let at = step; at < bytes.length; at += step) cuts.push(at);
      run(world, framer, Uint8Array.from(bytes), cuts, [kind], () => {
        const { keptBytes } = framer;
        expect(keptBytes).toBeLessThanOrEqual(maximum + 125 + 14);
        expect(world.liveBytes()).toBeLessThanOrEqual(2.5 * keptBytes + SLACK_BYTES);
        expect(world.heap.stats().live.blocks).toBeLessThanOrEqual(2);
      });
      world.expectNothingLeft();
    },
  );
  fc.assert(property, { numRuns: RUNS });
  expect(CAPACITY_BYTES).toBeGreaterThan(maximum);
});

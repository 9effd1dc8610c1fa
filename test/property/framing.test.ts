import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../support/tier.js";
import {
  FINDERS,
  framerOf,
  KINDS,
  type Plan,
  referenceOf,
  runFramer,
  World,
} from "./framingWorld.js";

const RUNS = runs(80, 400);

const lengthPlan: fc.Arbitrary<Plan> = fc
  .record({
    offset: fc.nat(5),
    width: fc.integer({ min: 1, max: 8 }),
    endian: fc.constantFrom("be" as const, "le" as const),
    adjustment: fc.integer({ min: -12, max: 12 }),
    strip: fc.nat(16),
    maximum: fc.integer({ min: 16, max: 500 }),
  })
  .map((options) => ({ kind: "length", options }));

const delimiterPlan: fc.Arbitrary<Plan> = fc
  .record({
    // Only two values, so that delimiters overlap with themselves.
    delimiter: fc.uint8Array({ min: 0, max: 1, minLength: 1, maxLength: 6 }),
    strip: fc.boolean(),
    maximum: fc.integer({ min: 6, max: 120 }),
  })
  .map((options) => ({ kind: "delimiter", options }));

const varyingPlan: fc.Arbitrary<Plan> = fc
  .record({
    offset: fc.nat(3),
    width: fc.constantFrom("varint" as const, "quic" as const),
    adjustment: fc.integer({ min: -4, max: 4 }),
    strip: fc.oneof(fc.constant("header" as const), fc.nat(6)),
    maximum: fc.integer({ min: 16, max: 400 }),
  })
  .map((options) => ({ kind: "length", options }));

/** Short ones of two values: they begin, end and overlap with each other. */
const delimitersPlan: fc.Arbitrary<Plan> = fc
  .record({
    delimiter: fc.array(fc.uint8Array({ min: 0, max: 1, minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 8,
    }),
    strip: fc.boolean(),
    maximum: fc.integer({ min: 6, max: 60 }),
    unended: fc.constantFrom("error" as const, "frame" as const),
  })
  .map((options) => ({ kind: "delimiter", options }));

const finderPlan: fc.Arbitrary<Plan> = fc
  .record({
    finder: fc.constantFrom(...(Object.keys(FINDERS) as (keyof typeof FINDERS)[])),
    options: fc.record({
      strip: fc.nat(2),
      maximum: fc.integer({ min: 3, max: 400 }),
      unended: fc.constantFrom("error" as const, "frame" as const),
    }),
  })
  .map((plan) => ({ kind: "finder", ...plan }));

const fixedPlan: fc.Arbitrary<Plan> = fc
  .integer({ min: 1, max: 300 })
  .map((length) => ({ kind: "fixed", length }));

const webSocketPlan = fc
  .record({
    role: fc.constantFrom("server" as const, "client" as const),
    maximum: fc.constantFrom(125, 126, 127, 1000, 70_000),
    rsv: fc.constantFrom(0, 4, 7),
  })
  .map((options): Plan => ({ kind: "webSocket", options }));

/** Where to cut, as fractions, so that each cut shrinks by itself. */
const cutting = fc.record({
  cuts: fc.oneof(
    fc.constant("each byte" as const),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30, size: "max" }),
  ),
  kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 5 }),
});

function cutsOf(cuts: "each byte" | readonly number[], length: number): number[] {
  if (cuts === "each byte" && length <= 2000) return Array.from({ length }, (_, at) => at);
  if (cuts === "each byte") return [];
  return cuts.map((cut) => Math.floor(cut * length)).sort((a, b) => a - b);
}

function check(cases: fc.Arbitrary<readonly [Plan, Uint8Array]>): void {
  let frames = 0;
  const property = fc.property(cases, cutting, ([plan, stream], { cuts, kinds }) => {
    const world = new World();
    const framer = framerOf(world.pool, plan);
    const before = new Uint8Array(stream);
    const outcome = runFramer(world, framer, stream, cutsOf(cuts, stream.length), kinds);
    expect(outcome).toEqual(referenceOf([...before], plan));
    expect(framer.keptBytes).toBe(0);
    frames += outcome.frames.length;
    world.expectNothingLeft();
    // After a reset it is like a new one.
    framer.reset();
    const again = runFramer(world, framer, stream, [], ["array"]);
    expect(again).toEqual(outcome);
    world.expectNothingLeft();
  });
  fc.assert(property, { numRuns: RUNS });
  expect(frames).toBeGreaterThan(0);
}

/** A frame with a length field that is usually right. */
function lengthStream(plan: Plan): fc.Arbitrary<Uint8Array> {
  if (plan.kind !== "length") throw new Error("no length plan");
  const { offset, width, endian, adjustment } = plan.options;
  if (typeof width !== "number") throw new Error("the width varies");
  const frame = fc
    .tuple(
      fc.uint8Array({ maxLength: 60, size: "max" }),
      fc.uint8Array({ minLength: 5, maxLength: 5 }),
    )
    .map(([body, before]) => {
      const field = new Array(width).fill(0);
      field[width - 1] = Math.max(0, body.length - adjustment);
      return [...before.slice(0, offset), ...(endian === "be" ? field : field.reverse()), ...body];
    });
  const junk = fc.uint8Array({ maxLength: 12 }).map((bytes) => [...bytes]);
  return fc
    .array(fc.oneof({ weight: 12, arbitrary: frame }, { weight: 1, arbitrary: junk }), {
      maxLength: 20,
      size: "max",
    })
    .map((parts) => Uint8Array.from(parts.flat()));
}

/** The bytes of a WebSocket frame that is usually right. */
function webSocketStream(plan: Plan): fc.Arbitrary<Uint8Array> {
  if (plan.kind !== "webSocket") throw new Error("no WebSocket plan");
  const isServer = plan.options.role === "server";
  const length = fc.oneof(
    { weight: 6, arbitrary: fc.nat(140) },
    { weight: 1, arbitrary: fc.constantFrom(125, 126, 127, 128, 1000, 1001, 65535, 65536) },
  );
  const frame = fc
    .record({
      length,
      kind: fc.nat(9),
      rsv: fc.constantFrom(0, 0, 0, 0, 4, 1),
      seed: fc.nat(255),
      mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      odd: fc.nat(60),
    })
    .map((shape) => shape);
  return fc.array(frame, { maxLength: 12, size: "max" }).map((shapes) => {
    let isOpen = false;
    const bytes: number[] = [];
    for (const { kind, rsv, seed, mask, odd, length: wanted } of shapes) {
      const isControl = kind >= 7;
      const opcode = isControl ? kind + 1 : isOpen ? 0 : 1 + (kind & 1);
      const fin = isControl || kind > 3 ? 0x80 : 0;
      const size = isControl && odd !== 1 ? Math.min(wanted, 125) : wanted;
      if (!isControl) isOpen = fin === 0;
      const short = size < 126 ? size : size < 65536 ? 126 : 127;
      const wide = odd === 2 && short === 126 ? 127 : short;
      const masked = (odd === 3 ? !isServer : isServer) ? 0x80 : 0;
      bytes.push(fin | (isControl || isOpen ? 0 : rsv << 4) | (odd === 4 ? 3 : opcode));
      bytes.push(masked | wide);
      if (wide === 126) bytes.push(size >> 8, size & 255);
      if (wide === 127) bytes.push(0, 0, 0, 0, 0, size >> 16, (size >> 8) & 255, size & 255);
      if (masked > 0) bytes.push(...mask);
      const code = odd < 40 ? [3, 0xe8] : [3, seed];
      for (let at = 0; at < size; at++) {
        const text = opcode === 8 && odd < 50 ? 97 : (seed + at) & 255;
        const plain = opcode === 8 && at < 2 ? (code[at] as number) : text;
        bytes.push(masked > 0 ? plain ^ (mask[at & 3] as number) : plain);
      }
    }
    return Uint8Array.from(bytes);
  });
}

describe("any split of any stream gives the frames of the reference", () => {
  it("length field", () => {
    const cases = lengthPlan.chain((plan) => fc.tuple(fc.constant(plan), lengthStream(plan)));
    check(cases);
  });

  it("delimiter", () => {
    const stream = fc.uint8Array({ min: 0, max: 2, maxLength: 400, size: "max" });
    check(fc.tuple(delimiterPlan, stream));
  });

  it("delimiter, far apart", () => {
    const stream = fc
      .array(fc.tuple(fc.nat(115), fc.nat(8)), { maxLength: 10, size: "max" })
      .map((gaps) =>
        Uint8Array.from(
          gaps.flatMap(([gap, ones]) => [...new Array(gap).fill(9), ...new Array(ones).fill(1)]),
        ),
      );
    check(fc.tuple(delimiterPlan, stream));
  });

  it("length that varies", () => {
    const frame = fc
      .tuple(
        fc.uint8Array({ maxLength: 3 }),
        fc.constantFrom<readonly number[]>([5], [0x85, 0], [0x40, 9], [0xc0], [0xff], [0x80, 0x80]),
        fc.uint8Array({ maxLength: 12 }),
      )
      .map((parts) => parts.flatMap((part) => [...part]));
    const stream = fc.array(frame, { maxLength: 12 }).map((parts) => Uint8Array.from(parts.flat()));
    check(fc.tuple(varyingPlan, fc.oneof(stream, fc.uint8Array({ max: 9, maxLength: 200 }))));
  });

  it("several delimiters", () => {
    const stream = fc.uint8Array({ min: 0, max: 2, maxLength: 200, size: "max" });
    check(fc.tuple(delimitersPlan, stream));
  });

  it("finders", () => {
    const lines = fc
      .array(fc.constantFrom(13, 10, 10, 65, 66), { maxLength: 200, size: "max" })
      .map((bytes) => Uint8Array.from(bytes));
    const lengths = fc
      .array(fc.constantFrom(0, 1, 3, 7, 255, 254), { maxLength: 100, size: "max" })
      .map((bytes) => Uint8Array.from(bytes));
    check(fc.tuple(finderPlan, fc.oneof(lines, lengths)));
  });

  it("fixed", () => {
    check(fc.tuple(fixedPlan, fc.uint8Array({ maxLength: 2000, size: "max" })));
  });

  it("WebSocket", () => {
    const cases = webSocketPlan.chain((plan) => fc.tuple(fc.constant(plan), webSocketStream(plan)));
    check(cases);
  });
});

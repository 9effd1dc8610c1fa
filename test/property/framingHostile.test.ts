import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DelimiterFramer } from "../../src/codec/index.js";
import { runs } from "../support/tier.js";
import {
  type AnyFramer,
  framerOf,
  maximumOf,
  type Plan,
  runFramer,
  World,
} from "./framingWorld.js";

/** The header of a frame, the smallest block that is kept, and the rounding of a size class. */
const SLACK_BYTES = 1024;
/** The most by which size classes of this size round up, as a factor. */
const ROUNDED = 1.25;

const MAXIMUM = 5000;
/** Statistics take their time. */
const MOST_STEPS = 100;
const PLANS_OF: { readonly [Kind in Plan["kind"]]: readonly (Plan & { kind: Kind })[] } = {
  length: [
    ...(["be", "le"] as const).flatMap((endian) =>
      [1, 2, 3, 4, 8].map((width) => {
        const options = { offset: 1, width, endian, adjustment: 0, strip: 0, maximum: MAXIMUM };
        return { kind: "length" as const, options };
      }),
    ),
    {
      kind: "length",
      options: { offset: 0, width: 2, endian: "be", adjustment: -9, strip: 4, maximum: MAXIMUM },
    },
    ...(["varint", "quic"] as const).map((width) => {
      const options = {
        offset: 1,
        width,
        adjustment: 0,
        strip: "header",
        maximum: MAXIMUM,
      } as const;
      return { kind: "length" as const, options };
    }),
  ],
  delimiter: [
    {
      kind: "delimiter",
      options: { delimiter: Uint8Array.of(13, 10), strip: true, maximum: MAXIMUM },
    },
    {
      kind: "delimiter",
      options: {
        delimiter: [[13, 10], [13], [0, 0, 0], [0, 0, 0, 1]].map((one) => Uint8Array.from(one)),
        strip: true,
        maximum: MAXIMUM,
        unended: "frame",
      },
    },
  ],
  finder: (["prefix", "lines"] as const).map((finder) => {
    const options = { strip: 0, maximum: MAXIMUM, unended: "error" } as const;
    return { kind: "finder", finder, options };
  }),
  fixed: [{ kind: "fixed", length: MAXIMUM }],
  webSocket: [
    { kind: "webSocket", options: { role: "server", maximum: MAXIMUM, rsv: 0 } },
    { kind: "webSocket", options: { role: "client", maximum: MAXIMUM, rsv: 7 } },
  ],
};
const PLANS: readonly Plan[] = Object.values(PLANS_OF).flat();

/** Headers that promise much, lie or have no meaning, and bytes that never end. */
const hostile: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300, size: "max" }),
      fc
        .tuple(
          fc.constantFrom(0x81, 0x82, 0x01, 0x00, 0x88, 0x89, 0xc1, 0xff),
          fc.constantFrom(0, 5, 126, 127, 0x80, 0x85, 0xfe, 0xff),
          fc.uint8Array({ maxLength: 12 }),
        )
        .map(([first, second, rest]) => Uint8Array.of(first, second, ...rest)),
      fc
        .tuple(fc.constantFrom(0, 1, 13, 255), fc.nat(3000))
        .map(([byte, count]) => new Uint8Array(count).fill(byte)),
    ),
    { maxLength: 8, size: "max" },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

describe("hostile bytes", () => {
  it("never take more memory than the maximum and a constant", () => {
    const codes = new Map<string, number>();
    const property = fc.property(
      fc.constantFrom(...PLANS),
      hostile,
      fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 700 })),
      fc.constantFrom("own" as const, "array" as const, "slice" as const),
      (plan, bytes, step, kind) => {
        const stream = bytes.subarray(0, MOST_STEPS * step);
        const world = new World();
        const framer = framerOf(world.pool, plan);
        const cuts: number[] = [];
        for (let at = step; at < stream.length; at += step) cuts.push(at);
        const ceiling = maximumOf(plan) * ROUNDED + SLACK_BYTES;
        const outcome = runFramer(world, framer, stream, cuts, [kind], () => {
          expect(framer.keptBytes).toBeLessThanOrEqual(maximumOf(plan) + 14);
          expect(world.liveBytes()).toBeLessThanOrEqual(ceiling);
          // What has come is a bound, too, whatever a header promised.
          expect(world.liveBytes()).toBeLessThanOrEqual(2.5 * framer.keptBytes + SLACK_BYTES);
        });
        const code = outcome.error?.code ?? "none";
        codes.set(code, (codes.get(code) ?? 0) + 1);
        world.expectNothingLeft();
        expectRefused(world, framer);
      },
    );
    fc.assert(property, { numRuns: runs(80, 400) });
    expect([...codes.keys()]).toEqual(
      expect.arrayContaining(["none", "ERR_TRUNCATED", "ERR_TOO_LARGE", "ERR_MALFORMED"]),
    );
  });

  it.each(["own", "array", "chain"] as const)(
    "an endless stream in chunks of 1 byte, %s",
    (kind) => {
      const world = new World();
      const maximum = 8000;
      const framer = new DelimiterFramer(world.pool, { delimiter: "\r\n", maximum });
      let blocks = 0;
      let pushed = 0;
      const push = (): void => {
        framer.push(world.chunk(Uint8Array.of(13), kind), () => {
          throw new Error("there is no frame");
        });
        pushed++;
        const { live } = world.heap.stats();
        blocks = Math.max(blocks, live.blocks);
        expect(live.bytes).toBeLessThanOrEqual(maximum * ROUNDED + SLACK_BYTES);
      };
      expect(() => {
        for (;;) push();
      }).toThrow(expect.objectContaining({ code: "ERR_TOO_LARGE" }));
      expect(pushed).toBe(maximum - 1);
      expect(blocks).toBe(1);
      world.expectNothingLeft();
    },
  );
});

function expectRefused(world: World, framer: AnyFramer): void {
  for (const kind of ["own", "array"] as const) {
    const push = (): void => framer.push(world.chunk(Uint8Array.of(0), kind), () => {});
    expect(push).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  }
  world.expectNothingLeft();
}

import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Bytes } from "../../src/buffers/index.js";
import type { Framer } from "../../src/codec/index.js";
import { type Connection, serve } from "../../src/node/index.js";
import { runs } from "../support/tier.js";
import { FINDERS, framerOf, type Plan, referenceOf, World } from "./framingWorld.js";

/** Plans whose frames are handed out whole, so that a model knows where the next one begins. */
const plans: fc.Arbitrary<Plan> = fc.oneof(
  fc
    .record({
      delimiter: fc.array(fc.uint8Array({ min: 0, max: 1, minLength: 1, maxLength: 5 }), {
        minLength: 1,
        maxLength: 5,
      }),
      strip: fc.constant(false),
      maximum: fc.integer({ min: 5, max: 60 }),
      unended: fc.constantFrom("error" as const, "frame" as const),
    })
    .map((options): Plan => ({ kind: "delimiter", options })),
  fc
    .record({
      finder: fc.constantFrom(...(Object.keys(FINDERS) as (keyof typeof FINDERS)[])),
      options: fc.record({
        strip: fc.constant(0),
        maximum: fc.integer({ min: 3, max: 99 }),
        unended: fc.constantFrom("error" as const, "frame" as const),
      }),
    })
    .map((plan): Plan => ({ kind: "finder", ...plan })),
  fc.integer({ min: 1, max: 5 }).map((length): Plan => ({ kind: "fixed", length })),
);

/** What is done with a frame: whether its handler waits, and which framer goes on. */
const act = fc.record({
  wait: fc.constantFrom("no" as const, "before" as const, "after" as const),
  next: fc.option(plans, { nil: undefined, freq: 2 }),
});
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const stream = fc
  .array(fc.constantFrom(0, 1, 1, 2, 10, 13, 3), { maxLength: 120, size: "max" })
  .map((bytes) => Uint8Array.from(bytes));

interface Result {
  readonly frames: readonly string[];
  readonly code: string | undefined;
}

function model(bytes: Uint8Array, first: Plan, acts: readonly Act[]): Result {
  const frames: string[] = [];
  let plan = first;
  let at = 0;
  for (;;) {
    const { frames: found, error } = referenceOf([...bytes.subarray(at)], plan);
    const [frame] = found;
    if (frame === undefined) return { frames, code: error?.code };
    at += frame.bytes.length;
    plan = acts[frames.length % acts.length]?.next ?? plan;
    frames.push(frame.bytes.join());
  }
}

async function run(
  bytes: Uint8Array,
  first: Plan,
  acts: readonly Act[],
  step: number,
): Promise<Result> {
  const { pool, heap } = new World();
  const frames: string[] = [];
  let code: string | undefined;
  const open = (plan: Plan): Framer<Bytes> => framerOf(pool, plan) as Framer<Bytes>;
  const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const gone = new Promise((resolve) => duplex.once("close", resolve));
  serve(duplex, {
    pool,
    framer: () => open(first),
    handler(frame: Bytes, connection: Connection): unknown {
      const { next, wait } = acts[frames.length % acts.length] as Act;
      frames.push(frame.toUnshared().join());
      frame.release();
      const go = (): void => {
        if (next !== undefined) connection.switchTo(open(next));
      };
      if (wait === "before") return Promise.resolve().then(go);
      go();
      return wait === "after" ? Promise.resolve() : undefined;
    },
    onError: (error) => {
      code = (error as { code: string }).code;
    },
  });
  for (let at = 0; at < bytes.length; at += step) {
    duplex.push(bytes.subarray(at, at + step));
    if (at % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  duplex.push(null);
  await gone;
  await new Promise((resolve) => setImmediate(resolve));
  heap.drain();
  heap.verify();
  expect(heap.stats().live.blocks).toBe(0);
  return { frames, code };
}

it("connections whose framer is switched lose no byte, and get none twice", async () => {
  let frames = 0;
  const cases = [stream, plans, fc.array(act, { minLength: 1, maxLength: 6 })] as const;
  const steps = fc.constantFrom(1, 2, 3, 7, 200);
  const property = fc.asyncProperty(...cases, steps, async (bytes, first, acts, step) => {
    const result = await run(bytes, first, acts, step);
    expect(result).toEqual(model(bytes, first, acts));
    frames += result.frames.length;
  });
  await fc.assert(property, { numRuns: runs(100, 600) });
  expect(frames).toBeGreaterThan(0);
});

import { ReadableStream, type WritableStream } from "node:stream/web";
import fc from "fast-check";
import { expect, it } from "vitest";
import { BufferError, type Bytes } from "../../src/buffers/index.js";
import { runs } from "../support/tier.js";
import type { Outcome } from "./framingReference.js";
import { FINDERS, framerOf, type Kind, type Plan, referenceOf, World } from "./framingWorld.js";

const unended = fc.constantFrom("error" as const, "frame" as const);

const plans: fc.Arbitrary<Plan> = fc.oneof(
  fc
    .record({
      delimiter: fc.array(fc.uint8Array({ min: 0, max: 1, minLength: 1, maxLength: 5 }), {
        minLength: 1,
        maxLength: 5,
      }),
      strip: fc.boolean(),
      maximum: fc.integer({ min: 5, max: 60 }),
      unended,
    })
    .map((options): Plan => ({ kind: "delimiter", options })),
  fc
    .record({
      finder: fc.constantFrom(...(Object.keys(FINDERS) as (keyof typeof FINDERS)[])),
      options: fc.record({ strip: fc.nat(2), maximum: fc.integer({ min: 3, max: 99 }), unended }),
    })
    .map((plan): Plan => ({ kind: "finder", ...plan })),
  fc
    .record({
      offset: fc.nat(2),
      width: fc.constantFrom("varint" as const, "quic" as const, 1, 2),
      adjustment: fc.constantFrom(0, 1),
      strip: fc.constant("header" as const),
      maximum: fc.integer({ min: 16, max: 99 }),
    })
    .map((options): Plan => ({ kind: "length", options })),
);

/** Few values, which mean something to all plans. */
const chunks = fc.array(
  fc
    .array(fc.constantFrom(0, 1, 1, 2, 10, 13, 255, 0x40), { maxLength: 30 })
    .map((bytes) => Uint8Array.from(bytes)),
  { maxLength: 8 },
);
const kinds = fc.array(fc.constantFrom<Kind>("slice", "own", "chain", "frozen", "array", "alien"), {
  minLength: 1,
  maxLength: 4,
});

async function run(
  world: World,
  plan: Plan,
  pieces: readonly Uint8Array[],
  kinds: readonly Kind[],
): Promise<Outcome> {
  const framer = framerOf(world.pool, plan);
  const pair = framer.toTransformStream() as {
    readable: ReadableStream<Bytes>;
    writable: WritableStream<Bytes | Uint8Array>;
  };
  let next = 0;
  const source = new ReadableStream<Bytes | Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[next];
        if (piece === undefined) controller.close();
        else controller.enqueue(world.chunk(piece, kinds[next++ % kinds.length] as Kind));
      },
    },
    { highWaterMark: 0 },
  );
  const frames: Outcome["frames"][number][] = [];
  try {
    for await (const frame of source.pipeThrough(pair)) {
      frames.push({ header: [], bytes: [...frame.toUnshared()] });
      frame.release();
    }
    return { frames, error: undefined };
  } catch (error) {
    if (!(error instanceof BufferError)) throw error;
    return { frames, error: { code: error.code, position: error.details.position as number } };
  }
}

it("streams give the frames of the reference, whatever the chunks", async () => {
  let frames = 0;
  const property = fc.asyncProperty(plans, chunks, kinds, async (plan, pieces, ways) => {
    const world = new World();
    const outcome = await run(world, plan, pieces, ways);
    expect(outcome).toEqual(referenceOf([...Buffer.concat(pieces)], plan));
    frames += outcome.frames.length;
    // A source that fails is cancelled a little later.
    await new Promise((resolve) => setImmediate(resolve));
    world.expectNothingLeft();
  });
  await fc.assert(property, { numRuns: runs(100, 600) });
  expect(frames).toBeGreaterThan(0);
});

import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readInto } from "../../src/node/index.js";
import { runs } from "../support/tier.js";
import { turns } from "../unit/node/help.js";
import { KINDS } from "../unit/node/kinds.js";

const RUNS = runs(6, 60);

interface Step {
  readonly what: "write" | "pause" | "resume" | "turns";
  readonly count: number;
}

/** What happens to a socket. */
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant("write" as const), count: fc.integer({ min: 1, max: 90 }) }),
  fc.record({ what: fc.constant("write" as const), count: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ what: fc.constantFrom("pause" as const, "resume" as const), count: fc.constant(1) }),
  fc.record({ what: fc.constant("turns" as const), count: fc.integer({ min: 1, max: 4 }) }),
);

const plan = fc.record({
  before: fc.array(step, { maxLength: 5 }),
  head: fc.integer({ min: 0, max: 50 }),
  after: fc.array(step, { maxLength: 12 }),
  /** How large each buffer is, and what `onRead` does after each read, over and over. */
  sizes: fc.array(
    fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 20_000 })),
    { minLength: 1, maxLength: 4 },
  ),
  answers: fc.array(fc.constantFrom("go on", "go on", "false", "pause"), { minLength: 1 }),
});

/** Bytes of which each tells its place in the whole. */
const NUMBERED = Buffer.from(Uint8Array.from({ length: 2_000_000 }, (_, at) => (at * 31) >> 3));

function numbered(from: number, count: number): Buffer {
  return NUMBERED.subarray(from, from + count);
}

describe.each(KINDS)("any reading of a socket, %s,", (_name, _isStraight, open) => {
  it("gives all bytes once, in their order, and none while it is paused", async () => {
    const property = fc.asyncProperty(plan, async ({ before, head, after, sizes, answers }) => {
      const { socket, peer, close } = await open();
      peer.on("error", () => {});
      const memory = Buffer.alloc(20_000);
      let sent = 0;
      let got = 0;
      let reads = 0;
      let isOver = false;
      const run = async ({ what, count }: Step): Promise<void> => {
        if (what === "write") peer.write(numbered(sent, count));
        if (what === "write") sent += count;
        else if (what === "turns") await turns(count);
        else socket[what]();
      };
      // It may not flow before it has a reader.
      socket.pause();
      socket.read(0);
      sent += head;
      for (const next of before) if (next.what !== "resume") await run(next);
      if (head > 0) socket.unshift(numbered(0, head));
      readInto(socket, {
        buffer: () => memory.subarray(0, sizes[reads % sizes.length]),
        onRead(length, from) {
          if (socket.isPaused()) throw new Error("it is paused");
          const isSame = numbered(got, length).equals(from.subarray(0, length));
          if (!isSame) throw new Error(`other bytes at ${got}`);
          got += length;
          const answer = isOver ? "go on" : answers[reads++ % answers.length];
          if (answer === "pause") socket.pause();
          return answer !== "false";
        },
      });
      for (const next of after) await run(next);
      isOver = true;
      const ended = once(socket, "end");
      peer.end();
      socket.resume();
      await ended;
      expect(got).toBe(sent);
      for (const end of [socket, peer]) end.destroy();
      await close();
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});

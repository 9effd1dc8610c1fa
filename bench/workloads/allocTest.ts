import { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import type { Workload } from "./workload.js";

/** A part of the slots that is this small is not divided further. */
const HOTTEST_SLOTS = 20;

/**
 * OLogN's alloc-test: objects of a long-running program, some replaced all the time, most seldom.
 * A slot is freed if full, else filled. Four of five choices fall on a fifth of the slots, and so
 * on within that fifth. Sizes are 5 to 8 bytes, half as often 9 to 16, and so on up to 1024. All
 * bytes are written and read.
 */
export const allocTest: Workload = {
  name: "alloc-test",
  sentence: "Objects of a long run: few slots toggled often, most seldom, 5 to 1024 bytes.",
  parameters: [
    { name: "ITERATIONS", default: 1_000_000, min: 1, max: 2 ** 26, sentence: "Events." },
    { name: "SLOTS", default: 65_536, min: 1, max: 2 ** 20, sentence: "Working set: slots." },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [5000, 1000, 42],
  isForWorkers: false,
  takes: ["size"],
  build({ values, size, seed }) {
    const [iterations = 0, slots = 0] = values;
    const random = new Random(seed);
    const writer = new ScriptWriter();
    const isFull = new Uint8Array(slots);
    for (let iteration = 0; iteration < iterations; iteration++) {
      const slot = drawSlot(random, slots);
      if (isFull[slot] === 1) writer.free(slot);
      else writer.malloc(slot, size ?? drawSize(random));
      isFull[slot] = 1 - (isFull[slot] as number);
    }
    return writer.finish("all");
  },
};

function drawSlot(random: Random, slots: number): number {
  let part = slots;
  while (part > HOTTEST_SLOTS) {
    const hot = Math.floor(part / 5);
    if (random.below(5) === 0) return hot + random.below(part - hot);
    part = hot;
  }
  return random.below(part);
}

/** Each leading zero of a draw halves the odds; modulo 8, all eight ranges keep that ratio. */
function drawSize(random: Random): number {
  const below = 4 << (Math.clz32(random.next()) & 7);
  return below + 1 + random.below(below);
}

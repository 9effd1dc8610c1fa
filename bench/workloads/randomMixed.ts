import { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import type { Workload } from "./workload.js";

/**
 * HAKMEM's random-mixed: a slot drawn at random is freed if full, else filled with 16 to 1039
 * bytes. One iteration is one event. HAKMEM's text calls the second argument the block size, its
 * code the number of slots; here it is the slots, and `--size` fixes the size. In the original,
 * slot and size share bits of one draw; here they do with `--compat` only. `--tight` needs a
 * power of two of slots, because its loop draws a slot by a bit mask.
 */
export const randomMixed: Workload = {
  name: "random-mixed",
  sentence: "A cache of messages: slots toggled at random, 16 to 1039 bytes.",
  parameters: [
    { name: "ITERATIONS", default: 500_000, min: 1, max: 2 ** 26, sentence: "Events." },
    { name: "WS", default: 256, min: 1, max: 2 ** 20, sentence: "Working set: slots." },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [5000, 256, 42],
  isForWorkers: false,
  takes: ["size", "compat", "tight"],
  build({ values, size, compat, seed }) {
    const [iterations = 0, slots = 0] = values;
    const random = new Random(seed);
    const writer = new ScriptWriter();
    const isFull = new Uint8Array(slots);
    for (let iteration = 0; iteration < iterations; iteration++) {
      const draw = random.next();
      const slot = (compat ? draw >>> 0 : draw >>> 12) % slots;
      if (isFull[slot] === 1) writer.free(slot);
      else writer.malloc(slot, size ?? 16 + (draw & 0x3ff));
      isFull[slot] = 1 - (isFull[slot] as number);
    }
    const script = writer.finish();
    if (size !== undefined || compat || (slots & (slots - 1)) !== 0) return script;
    return { ...script, tight: { loop: "random", slots, seed: seed || 1 } };
  },
  note({ values: [, slots = 0], size, compat }) {
    const sizes = size === undefined ? "sizes of 16 to 1039 bytes" : `blocks of ${size} bytes`;
    const draws = compat ? "slot and size share bits of a draw" : "drawn from different bits";
    return `WS is the number of slots: ${slots} slots, ${sizes}, ${draws}.`;
  },
};

import { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import type { Workload } from "./workload.js";

const SIZES = [16, 32, 64, 128] as const;

interface Batch {
  readonly writer: ScriptWriter;
  readonly random: Random;
  readonly slots: Uint32Array;
  nextSize(): number;
}

/**
 * HAKMEM's comprehensive: a program whose phases free batches in different orders. Blocks of each
 * of four sizes are freed newest first, oldest first, in random order, and with holes refilled in
 * between. The last phase mixes the four sizes, in random order.
 */
export const comprehensive: Workload = {
  name: "comprehensive",
  sentence: "Phases of a program: 16 to 128 bytes, freed in each order in turn, then mixed.",
  parameters: [
    { name: "BATCH", default: 100, min: 1, max: 2 ** 16, sentence: "Blocks of a batch." },
    { name: "CYCLES", default: 200, min: 1, max: 2 ** 16, sentence: "Batches of a phase." },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [20, 4, 42],
  isForWorkers: false,
  takes: ["size"],
  build({ values, size, seed }) {
    const [blocks = 0, cycles = 0] = values;
    const writer = new ScriptWriter();
    const random = new Random(seed);
    const slots = Uint32Array.from({ length: blocks }, (_, slot) => slot);
    for (const bytes of SIZES) {
      const batch = { writer, random, slots, nextSize: () => size ?? bytes };
      for (const phase of [newestFirst, oldestFirst, randomOrder, interleaved]) {
        for (let cycle = 0; cycle < cycles; cycle++) phase(batch);
      }
    }
    const nextSize = () => size ?? (SIZES[random.below(SIZES.length)] as number);
    for (let cycle = 0; cycle < cycles; cycle++) randomOrder({ writer, random, slots, nextSize });
    return writer.finish();
  },
};

function fill({ writer, slots, nextSize }: Batch): void {
  for (let slot = 0; slot < slots.length; slot++) writer.malloc(slot, nextSize());
}

function newestFirst(batch: Batch): void {
  fill(batch);
  for (let slot = batch.slots.length - 1; slot >= 0; slot--) batch.writer.free(slot);
}

function oldestFirst(batch: Batch): void {
  fill(batch);
  for (let slot = 0; slot < batch.slots.length; slot++) batch.writer.free(slot);
}

function randomOrder(batch: Batch): void {
  const { writer, random, slots } = batch;
  fill(batch);
  for (let last = slots.length - 1; last >= 0; last--) {
    const drawn = random.below(last + 1);
    const slot = slots[drawn] as number;
    slots[drawn] = slots[last] as number;
    slots[last] = slot;
    writer.free(slot);
  }
}

/** Every second block is freed, the holes are filled again, and all are freed. */
function interleaved(batch: Batch): void {
  const { writer, slots, nextSize } = batch;
  fill(batch);
  for (let slot = 0; slot < slots.length; slot += 2) writer.free(slot);
  for (let slot = 0; slot < slots.length; slot += 2) writer.malloc(slot, nextSize());
  for (let slot = 0; slot < slots.length; slot++) writer.free(slot);
}

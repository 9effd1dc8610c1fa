import { type Script, ScriptWriter } from "./script.js";
import type { Workload } from "./workload.js";

/** HAKMEM's tiny-hot: batches of one size are allocated, and freed newest first. */
export const tinyHot: Workload = {
  name: "tiny-hot",
  sentence: "A request that allocates small blocks of one size and frees them all at its end.",
  parameters: [
    { name: "SIZE", default: 64, min: 0, max: 2 ** 20, sentence: "Bytes of a block." },
    { name: "BATCH", default: 100, min: 1, max: 2 ** 16, sentence: "Blocks of a batch." },
    { name: "CYCLES", default: 100_000, min: 1, max: 2 ** 24, sentence: "Batches." },
  ],
  smoke: [64, 100, 50],
  isForWorkers: false,
  takes: ["size", "tight"],
  build({ values, size }) {
    const [bytes = 0, batch = 0, cycles = 0] = values;
    return buildBatches("newest-first", size ?? bytes, batch, cycles);
  },
};

/** Returns the script of batches of one size, and the loop that does the same. */
export function buildBatches(
  loop: "oldest-first" | "newest-first",
  bytes: number,
  batch: number,
  cycles: number,
): Script {
  const writer = new ScriptWriter();
  for (let slot = 0; slot < batch; slot++) writer.malloc(slot, bytes);
  for (let slot = 0; slot < batch; slot++) {
    writer.free(loop === "oldest-first" ? slot : batch - 1 - slot);
  }
  return { ...writer.finish("first", cycles), tight: { loop, bytes, batch } };
}

import { ScriptWriter } from "./script.js";
import type { Workload } from "./workload.js";

/** HAKMEM's tiny-hot: a batch of one size is allocated, then freed newest first, and again. */
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
  takes: ["size"],
  build({ values, size }) {
    const [bytes = 0, batch = 0, cycles = 0] = values;
    const writer = new ScriptWriter();
    for (let slot = 0; slot < batch; slot++) writer.malloc(slot, size ?? bytes);
    for (let slot = batch - 1; slot >= 0; slot--) writer.free(slot);
    return writer.finish("first", cycles);
  },
};

import { Random } from "./random.js";
import { moveWindow, WINDOW_PARAMETERS } from "./sh6bench.js";
import type { Workload } from "./workload.js";

/**
 * MicroQuill's sh8bench: the moving window of sh6bench with sizes that come in no order, as under
 * many users at once. Small sizes are more frequent: the smaller of two draws is taken.
 */
export const sh8bench: Workload = {
  name: "sh8bench",
  sentence: "The window of sh6bench, its sizes drawn at random, mostly small.",
  parameters: [
    ...WINDOW_PARAMETERS,
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [1500, 1000, 100, 42],
  isForWorkers: false,
  takes: ["size"],
  build({ values, size, seed }) {
    const [blocks = 0, maxBytes = 0, window = 0] = values;
    const random = new Random(seed);
    const draw = () => 1 + Math.min(random.below(maxBytes), random.below(maxBytes));
    return moveWindow(blocks, window, () => size ?? draw());
  },
};

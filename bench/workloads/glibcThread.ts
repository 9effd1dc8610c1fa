import { BENCH_PARAMETERS, runBench } from "./glibcSimple.js";
import { interleave, streamsOf, workerRandom } from "./interleave.js";
import { ScriptWriter } from "./script.js";
import type { Workload } from "./workload.js";

/** glibc's benchmark with threads: the work of glibc-simple in each worker, with its own blocks. */
export const glibcThread: Workload = {
  name: "glibc-thread",
  sentence: "The work of glibc-simple in several workers, each with its own blocks.",
  parameters: [
    { name: "WORKERS", default: 4, min: 1, max: 64, sentence: "Streams of events." },
    { name: "PASSES", default: 8, min: 1, max: 2 ** 12, sentence: "Passes of a worker." },
    ...BENCH_PARAMETERS,
  ],
  smoke: [4, 1, 100, 200, 42],
  isForWorkers: true,
  takes: ["size"],
  build({ values, workers, size, seed }) {
    const [, passes = 0, largestBatch = 0, mixed = 0] = values;
    const writer = new ScriptWriter();
    const streams = streamsOf(workers, (worker) => {
      const random = workerRandom(seed, worker);
      return runBench({ writer, random, passes, largestBatch, mixed, size, worker });
    });
    interleave(writer, streams);
    return writer.finish();
  },
};

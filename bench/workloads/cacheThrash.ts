import { interleave, type Stream, streamsOf } from "./interleave.js";
import { ScriptWriter } from "./script.js";
import type { Parameter, Workload, WorkloadArguments } from "./workload.js";

/** Writes of a worker before the next one's: few, so that a shared cache line goes to and fro. */
const WRITES_PER_EVENT = 10;

/** What cache-thrash and cache-scratch have in common. */
export const SHARING_PARAMETERS: readonly Parameter[] = [
  { name: "WORKERS", default: 4, min: 1, max: 64, sentence: "Streams of events." },
  { name: "ITERATIONS", default: 5000, min: 1, max: 2 ** 18, sentence: "Blocks of a worker." },
  { name: "SIZE", default: 8, min: 1, max: 2 ** 16, sentence: "Bytes of a block." },
  { name: "WRITES", default: 100, min: 1, max: 2 ** 12, sentence: "Times a block is written." },
];

/**
 * Hoard's cache-thrash: workers with a counter each, written over and over. An allocator that puts
 * the blocks of two workers into one cache line makes them slow (active false sharing). The events
 * alternate one by one, so that the workers' blocks are live and written at the same time.
 */
export const cacheThrash: Workload = {
  name: "cache-thrash",
  sentence: "Counters of several workers: small blocks allocated side by side, written, freed.",
  parameters: SHARING_PARAMETERS,
  smoke: [4, 50, 8, 100],
  isForWorkers: true,
  takes: ["size"],
  build(given) {
    const writer = new ScriptWriter();
    const streams = streamsOf(given.workers, (worker) => thrash(writer, given, worker));
    interleave(writer, streams, 1);
    return writer.finish();
  },
};

/** A worker's slot filled, written and freed, again and again. */
export function* thrash(writer: ScriptWriter, given: WorkloadArguments, slot: number): Stream {
  const [, iterations = 0, bytes = 0, writes = 0] = given.values;
  for (let iteration = 0; iteration < iterations; iteration++) {
    writer.malloc(slot, given.size ?? bytes);
    yield;
    for (let left = writes; left > 0; left -= WRITES_PER_EVENT) {
      writer.work(slot, Math.min(left, WRITES_PER_EVENT));
      yield;
    }
    writer.free(slot);
    yield;
  }
}

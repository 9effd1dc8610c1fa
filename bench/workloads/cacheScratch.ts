import { SHARING_PARAMETERS, thrash } from "./cacheThrash.js";
import { interleave, type Stream, streamsOf } from "./interleave.js";
import { ScriptWriter } from "./script.js";
import type { Workload, WorkloadArguments } from "./workload.js";

/**
 * Hoard's cache-scratch: one worker allocates a block for each of the others, all likely in one
 * cache line. Each frees what it was handed, then goes on as in cache-thrash: an allocator that
 * gives it the same memory again keeps the line shared (passive false sharing).
 */
export const cacheScratch: Workload = {
  name: "cache-scratch",
  sentence: "Counters handed to several workers by one, freed there and allocated again.",
  parameters: SHARING_PARAMETERS,
  smoke: [4, 50, 8, 100],
  isForWorkers: true,
  takes: ["size"],
  build(given) {
    const [, , bytes = 0] = given.values;
    const writer = new ScriptWriter();
    for (let slot = 0; slot < given.workers; slot++) writer.malloc(slot, given.size ?? bytes);
    const streams = streamsOf(given.workers, (worker) => scratch(writer, given, worker));
    interleave(writer, streams, 1);
    return writer.finish();
  },
};

function* scratch(writer: ScriptWriter, given: WorkloadArguments, slot: number): Stream {
  writer.free(slot);
  yield;
  yield* thrash(writer, given, slot);
}

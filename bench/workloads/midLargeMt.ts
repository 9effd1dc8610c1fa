import { interleave, type Stream, streamsOf, workerRandom } from "./interleave.js";
import { ScriptWriter } from "./script.js";
import type { Workload, WorkloadArguments } from "./workload.js";

/**
 * HAKMEM's mid-large-mt: a server whose workers each keep buffers of 8 to 34 KiB. The slots of
 * random-mixed, toggled by each worker for itself. In the original, slot and size share bits of one
 * draw; here they do with `--compat` only.
 */
export const midLargeMt: Workload = {
  name: "mid-large-mt",
  sentence: "Workers with buffers of their own: slots toggled at random, 8 to 34 KiB.",
  parameters: [
    { name: "WORKERS", default: 4, min: 1, max: 64, sentence: "Streams of events." },
    { name: "CYCLES", default: 40_000, min: 1, max: 2 ** 22, sentence: "Events of a worker." },
    { name: "WS", default: 2048, min: 1, max: 2 ** 20, sentence: "Slots of a worker." },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [4, 1000, 64, 42],
  isForWorkers: true,
  takes: ["size", "compat"],
  build(given) {
    const writer = new ScriptWriter();
    interleave(
      writer,
      streamsOf(given.workers, (worker) => toggle(writer, given, worker)),
    );
    return writer.finish();
  },
};

function* toggle(writer: ScriptWriter, given: WorkloadArguments, worker: number): Stream {
  const [, cycles = 0, slots = 0] = given.values;
  const random = workerRandom(given.seed, worker);
  const isFull = new Uint8Array(slots);
  for (let cycle = 0; cycle < cycles; cycle++) {
    const draw = random.next() >>> 0;
    const index = (given.compat ? draw : draw >>> 12) % slots;
    const slot = worker * slots + index;
    if (isFull[index] === 1) writer.free(slot);
    else writer.malloc(slot, given.size ?? 2 ** (13 + (draw % 3)) + (draw & 0x7ff));
    isFull[index] = 1 - (isFull[index] as number);
    yield;
  }
}

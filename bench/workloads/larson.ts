import { interleave, type Stream, streamsOf, workerRandom } from "./interleave.js";
import type { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import type { Workload, WorkloadArguments } from "./workload.js";

const MIN_BYTES = 8;
const MAX_BYTES = 1000;

/**
 * Larson and Krishnan's server: blocks outlive the worker that allocated them. One worker fills all
 * slots. Each worker then replaces blocks in its own slots at random, and after a lifetime leaves
 * them to a successor. The usual lifetime is 500 000; it is shorter here, so that workers do end.
 */
export const larson: Workload = {
  name: "larson",
  sentence: "A server whose blocks outlive their workers: replaced at random, 8 to 1000 bytes.",
  parameters: [
    { name: "SLOTS", default: 1000, min: 1, max: 2 ** 20, sentence: "Slots of a worker." },
    { name: "OPS", default: 300_000, min: 1, max: 2 ** 24, sentence: "Blocks a worker replaces." },
    {
      name: "LIFETIME",
      default: 100_000,
      min: 1,
      max: 2 ** 24,
      sentence: "Of them until it ends.",
    },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
    { name: "WORKERS", default: 4, min: 1, max: 64, sentence: "Streams of events." },
  ],
  smoke: [100, 500, 200, 42, 4],
  isForWorkers: true,
  takes: ["size"],
  build(given) {
    const [slots = 0] = given.values;
    const { workers, seed, size } = given;
    const writer = new ScriptWriter();
    const first = workerRandom(seed, workers);
    for (let slot = 0; slot < workers * slots; slot++) {
      writer.malloc(slot, size ?? drawSize(first));
    }
    interleave(
      writer,
      streamsOf(workers, (worker) => replaceInTurn(writer, given, worker)),
    );
    return writer.finish("pair");
  },
};

function* replaceInTurn(writer: ScriptWriter, given: WorkloadArguments, worker: number): Stream {
  const [slots = 0, operations = 0, lifetime = 0] = given.values;
  let heir = worker;
  let random = workerRandom(given.seed, heir);
  for (let operation = 0; operation < operations; operation++) {
    if (operation > 0 && operation % lifetime === 0) {
      heir += given.workers + 1;
      random = workerRandom(given.seed, heir);
      writer.succeed();
      yield;
    }
    const slot = worker * slots + random.below(slots);
    writer.free(slot);
    yield;
    writer.malloc(slot, given.size ?? drawSize(random));
    yield;
  }
}

function drawSize(random: Random): number {
  return MIN_BYTES + random.below(MAX_BYTES - MIN_BYTES + 1);
}

import { interleave, type Stream, streamsOf, workerRandom } from "./interleave.js";
import type { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import { SlotPool } from "./slotPool.js";
import type { Workload } from "./workload.js";

const WORD_BYTES = 8;
const SHARED_BLOCKS = 1000;
const EMPTY = -1;
const FREE_PERCENT = 66;
const EXCHANGE_PERCENT = 25;
const HUGE_PERCENT = 1;
const HUGE_FACTOR = 100;

interface Stress {
  readonly writer: ScriptWriter;
  readonly pool: SlotPool;
  /** Slots that any worker takes from and leaves in, or EMPTY. */
  readonly shared: Int32Array;
  readonly blocks: number;
  readonly size: number | undefined;
}

/**
 * mimalloc's mstress: jobs that end, and meanwhile pass results to each other. In each
 * round every new worker allocates short-lived blocks, and half as many to keep. It frees some of
 * the former at random and exchanges others through an array that all share, so that it often frees
 * another worker's block. At its end it frees all it holds. All bytes are written and verified.
 */
export const mstress: Workload = {
  name: "mstress",
  sentence: "Rounds of short-lived workers that exchange blocks, 8 to 512 bytes, some 100-fold.",
  parameters: [
    { name: "WORKERS", default: 4, min: 1, max: 64, sentence: "Streams of events." },
    { name: "BLOCKS", default: 4000, min: 1, max: 2 ** 20, sentence: "Of a worker in a round." },
    { name: "ROUNDS", default: 8, min: 1, max: 2 ** 12, sentence: "Rounds of fresh workers." },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [4, 150, 2, 42],
  isForWorkers: true,
  takes: ["size"],
  build({ values, workers, seed, size }) {
    const [, blocks = 0, rounds = 0] = values;
    const writer = new ScriptWriter();
    const shared = new Int32Array(SHARED_BLOCKS).fill(EMPTY);
    const stress = { writer, pool: new SlotPool(), shared, blocks, size };
    for (let round = 0; round < rounds; round++) {
      for (let worker = 0; round > 0 && worker < workers; worker++) writer.succeed(worker);
      const streams = streamsOf(workers, (worker) =>
        live(stress, workerRandom(seed, round * workers + worker)),
      );
      interleave(writer, streams);
    }
    for (const slot of shared) if (slot !== EMPTY) writer.free(slot);
    return writer.finish("all");
  },
};

function* live(stress: Stress, random: Random): Stream {
  const brief: number[] = [];
  const kept: number[] = [];
  let toAllocate = stress.blocks;
  let toKeep = stress.blocks >> 1;
  while (toAllocate + toKeep > 0) {
    const isBrief = toKeep === 0 || (toAllocate > 0 && random.below(2) === 0);
    if (isBrief) toAllocate--;
    else toKeep--;
    (isBrief ? brief : kept).push(allocate(stress, random, isBrief ? 5 : 7));
    yield;
    if (random.below(100) < FREE_PERCENT && brief.length > 0) {
      free(stress, takeAny(brief, random));
      yield;
    }
    if (random.below(100) < EXCHANGE_PERCENT && brief.length > 0) exchange(stress, brief, random);
  }
  for (const slot of [...brief, ...kept]) {
    free(stress, slot);
    yield;
  }
}

/** Draws a block of 2^0 up to 2^(powers - 1) words. */
function allocate({ writer, pool, size }: Stress, random: Random, powers: number): number {
  const words = 2 ** random.below(powers);
  const factor = random.below(100) < HUGE_PERCENT ? HUGE_FACTOR : 1;
  const slot = pool.take();
  writer.malloc(slot, size ?? WORD_BYTES * words * factor);
  return slot;
}

function free({ writer, pool }: Stress, slot: number): void {
  writer.free(slot);
  pool.give(slot);
}

function takeAny(slots: number[], random: Random): number {
  const index = random.below(slots.length);
  const slot = slots[index] as number;
  slots[index] = slots[slots.length - 1] as number;
  slots.pop();
  return slot;
}

function exchange({ shared }: Stress, own: number[], random: Random): void {
  const index = random.below(SHARED_BLOCKS);
  const received = shared[index] as number;
  shared[index] = takeAny(own, random);
  if (received !== EMPTY) own.push(received);
}

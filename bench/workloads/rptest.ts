import { interleave, type Stream, streamsOf, workerRandom } from "./interleave.js";
import type { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import { SlotPool } from "./slotPool.js";
import type { Workload, WorkloadArguments } from "./workload.js";

const MIN_BYTES = 8;
const MAX_BYTES = 16_000;
const EMPTY = -1;

interface Post {
  readonly writer: ScriptWriter;
  readonly pool: SlotPool;
  /** Slots that each worker has been sent and must free. */
  readonly inboxes: number[][];
}

/**
 * rpmalloc's rptest: a pipeline of workers with packets of all sizes, small ones most. Each frees
 * some of its blocks and fills some empty places, on two walks of different strides, and every
 * second loop sends a batch of fresh blocks to the next worker, which frees them.
 */
export const rptest: Workload = {
  name: "rptest",
  sentence: "A pipeline: workers send batches on to be freed, 8 to 16000 bytes, mostly small.",
  parameters: [
    { name: "WORKERS", default: 4, min: 1, max: 64, sentence: "Streams of events." },
    { name: "LOOPS", default: 1000, min: 1, max: 2 ** 16, sentence: "Loops of a worker." },
    { name: "SLOTS", default: 1000, min: 1, max: 2 ** 16, sentence: "Slots of a worker." },
    { name: "OPS", default: 100, min: 1, max: 2 ** 12, sentence: "Steps of a walk, and a batch." },
    { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
  ],
  smoke: [4, 20, 100, 20, 42],
  isForWorkers: true,
  takes: ["size"],
  build(given) {
    const writer = new ScriptWriter();
    const inboxes = Array.from({ length: given.workers }, () => []);
    const post = { writer, pool: new SlotPool(), inboxes };
    interleave(
      writer,
      streamsOf(given.workers, (worker) => work(post, given, worker)),
    );
    return writer.finish();
  },
};

function* work(post: Post, given: WorkloadArguments, worker: number): Stream {
  const [, loops = 0, slotCount = 0, steps = 0] = given.values;
  const random = workerRandom(given.seed, worker);
  const nextSize = () => given.size ?? drawSize(random);
  const own = new Int32Array(slotCount).fill(EMPTY);
  const freeStride = coprimeFrom(7, slotCount);
  const fillStride = coprimeFrom(freeStride + 1, slotCount * freeStride);
  let freeIndex = 0;
  let fillIndex = 0;
  for (let loop = 0; loop < loops; loop++) {
    for (let step = 0; step < steps; step++, freeIndex = (freeIndex + freeStride) % slotCount) {
      if (own[freeIndex] === EMPTY) continue;
      free(post, own[freeIndex] as number);
      own[freeIndex] = EMPTY;
      yield;
    }
    for (let step = 0; step < steps; step++, fillIndex = (fillIndex + fillStride) % slotCount) {
      if (own[fillIndex] !== EMPTY) continue;
      own[fillIndex] = allocate(post, nextSize());
      yield;
    }
    if (loop % 2 === 1) yield* send(post, (worker + 1) % given.workers, steps, nextSize);
    yield* receive(post, worker);
  }
}

function* send(post: Post, to: number, blocks: number, nextSize: () => number): Stream {
  const batch: number[] = [];
  while (batch.length < blocks) {
    batch.push(allocate(post, nextSize()));
    yield;
  }
  post.inboxes[to]?.push(...batch);
}

function* receive(post: Post, worker: number): Stream {
  for (const slot of post.inboxes[worker]?.splice(0) ?? []) {
    free(post, slot);
    yield;
  }
}

function allocate({ writer, pool }: Post, size: number): number {
  const slot = pool.take();
  writer.malloc(slot, size);
  return slot;
}

function free({ writer, pool }: Post, slot: number): void {
  writer.free(slot);
  pool.give(slot);
}

/** Draws a size whose probability falls linearly, down to nothing at the largest. */
function drawSize(random: Random): number {
  const share = 1 - Math.sqrt(1 - random.unit());
  return MIN_BYTES + Math.floor(share * (MAX_BYTES - MIN_BYTES + 1));
}

/** Returns the first number from a start that is coprime to another: its walk misses no slot. */
function coprimeFrom(start: number, other: number): number {
  let candidate = start;
  while (gcd(candidate, other) !== 1) candidate++;
  return candidate;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

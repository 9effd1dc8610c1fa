import type { Stream } from "./interleave.js";
import { Random } from "./random.js";
import { ScriptWriter } from "./script.js";
import type { Parameter, Workload } from "./workload.js";

const SIZES = [16, 32, 64] as const;
const SMALLEST_BATCH = 25;
const BATCH_FACTOR = 4;
const MIXED_SLOTS = 1024;
const MIN_BYTES = 4;
const MAX_BYTES = 32_768;

/** A worker of glibc-thread, or the only one of glibc-simple. */
export interface Bench {
  readonly writer: ScriptWriter;
  readonly random: Random;
  readonly passes: number;
  readonly largestBatch: number;
  readonly mixed: number;
  readonly size: number | undefined;
  readonly worker: number;
}

/** What glibc-simple and glibc-thread have in common, but for the passes. */
export const BENCH_PARAMETERS: readonly Parameter[] = [
  { name: "LARGEST", default: 1600, min: 1, max: 2 ** 16, sentence: "Blocks of a large batch." },
  { name: "MIXED", default: 10_000, min: 0, max: 2 ** 20, sentence: "Mixed blocks of a pass." },
  { name: "SEED", default: 42, min: 0, max: 2 ** 31 - 1, sentence: "Seed of the draws." },
];

/**
 * glibc's malloc benchmarks: a program with one thread that builds and drops small structures. In a
 * pass, blocks of 16, 32 and 64 bytes come in batches of 25, 100, 400 and 1600; of each batch the
 * older half is freed oldest first, the other newest first. Then blocks of an array are replaced at
 * random, of 4 to 32768 bytes, their frequency falling with the square of the size.
 */
export const glibcSimple: Workload = {
  name: "glibc-simple",
  sentence: "Small structures built and dropped in batches, then blocks of 4 bytes to 32 KiB.",
  parameters: [
    { name: "PASSES", default: 20, min: 1, max: 2 ** 12, sentence: "Passes." },
    ...BENCH_PARAMETERS,
  ],
  smoke: [2, 100, 500, 42],
  isForWorkers: false,
  takes: ["size"],
  build({ values, size, seed }) {
    const [passes = 0, largestBatch = 0, mixed = 0] = values;
    const writer = new ScriptWriter();
    const random = new Random(seed);
    const bench = { writer, random, passes, largestBatch, mixed, size, worker: 0 };
    for (const _ of runBench(bench));
    return writer.finish();
  },
};

export function* runBench(bench: Bench): Stream {
  const { passes, largestBatch, size } = bench;
  const isFull = new Uint8Array(MIXED_SLOTS);
  for (let pass = 0; pass < passes; pass++) {
    for (const bytes of SIZES) yield* runBatches(bench, size ?? bytes);
    yield* replaceMixed(bench, bench.worker * (largestBatch + MIXED_SLOTS) + largestBatch, isFull);
  }
}

/** All batches of a size, small ones repeated until they have as many blocks as the largest. */
function* runBatches(bench: Bench, size: number): Stream {
  const { largestBatch, worker } = bench;
  const first = worker * (largestBatch + MIXED_SLOTS);
  let batch = Math.min(SMALLEST_BATCH, largestBatch);
  for (; batch <= largestBatch; batch *= BATCH_FACTOR) {
    const times = Math.floor(largestBatch / batch);
    for (let time = 0; time < times; time++) yield* runBatch(bench.writer, first, batch, size);
  }
}

function* runBatch(writer: ScriptWriter, first: number, batch: number, size: number): Stream {
  const half = first + (batch >> 1);
  for (let slot = first; slot < first + batch; slot++) {
    writer.malloc(slot, size);
    yield;
  }
  for (let slot = first; slot < half; slot++) {
    writer.free(slot);
    yield;
  }
  for (let slot = first + batch - 1; slot >= half; slot--) {
    writer.free(slot);
    yield;
  }
}

function* replaceMixed(bench: Bench, first: number, isFull: Uint8Array): Stream {
  const { writer, random, mixed, size } = bench;
  for (let count = 0; count < mixed; count++) {
    const index = random.below(MIXED_SLOTS);
    if (isFull[index] === 1) {
      writer.free(first + index);
      yield;
    }
    writer.malloc(first + index, size ?? drawSize(random));
    isFull[index] = 1;
    yield;
  }
}

/** The inverse of a size is uniform, so that the size's frequency falls with its square. */
function drawSize(random: Random): number {
  const span = 1 / MIN_BYTES - 1 / MAX_BYTES;
  return Math.floor(1 / (1 / MIN_BYTES - random.unit() * span));
}

import { resolveOptions } from "../../../src/config/options.js";
import { refillCount } from "../../../src/front/format.js";
import { sharedLayout } from "../../../src/layout/sharedMetadata.js";
import { OUTBOX_MAX_BYTES } from "../../../src/layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT, TINY_MAX_BYTES } from "../../../src/layout/sizeClasses.js";
import { blocksPerSlab, PAGE_BYTES, SLAB_BYTES } from "../../../src/layout/units.js";
import * as workerRegion from "../../../src/layout/workerRegion.js";
import { CAPACITY, LARSON_SLOTS, MAX_WORKERS, PIPE_LIMIT, SHARED_BLOCKS } from "./protocol.js";

/*
 * The bound of docs/CONCURRENCY.md: what a workload may commit, from what the allocator guarantees
 * and from how the workload draws its sizes. Nothing in it was measured.
 */

/** Blocks of sizes that are drawn: the chance that one has at most so many bytes. */
interface Drawn {
  readonly blocks: number;
  readonly within: (bytes: number) => number;
}

export interface Workload {
  /** Live blocks in the slabs of one worker, at the most. */
  readonly live: (workers: number) => readonly Drawn[];
  /** Blocks of one worker that others have freed and not sent, at the most. */
  readonly transit: (workers: number) => readonly Drawn[];
  /** Live blocks in the slabs of the thread that starts the workers. */
  readonly first: (workers: number) => readonly Drawn[];
  /** 2 if workers end: what one leaves is there beside what its successor takes. */
  readonly generations: number;
}

const OPTIONS = resolveOptions();
const { sllDrainInterval } = OPTIONS;
const SENT_BLOCKS = Math.min(sllDrainInterval, workerRegion.OUTBOX_INTS);

function uniform(blocks: number): Drawn {
  return { blocks, within: (bytes) => (bytes - 7) / 993 };
}

function falling(blocks: number): Drawn {
  return {
    blocks,
    within: (bytes) => (bytes < 8 ? 0 : 1 - Math.max(0, 1 - (bytes - 7) / 15_993) ** 2),
  };
}

/** 2^1 to 2^powers words of 4 bytes, one in a hundred 100-fold. */
function powersOfTwo(blocks: number, powers: number): Drawn {
  const within = (bytes: number): number => {
    let chance = 0;
    for (let power = 1; power <= powers; power++) {
      if (4 * 2 ** power <= bytes) chance += 0.99 / powers;
      if (400 * 2 ** power <= bytes) chance += 0.01 / powers;
    }
    return chance;
  };
  return { blocks, within };
}

function small(blocks: number): Drawn {
  return { blocks, within: (bytes) => (bytes >= 8 ? 1 : 0) };
}

/** Of 500 brief blocks that mstress allocates after the kept ones, 34 % stay: 170. */
const BRIEF_LIVE = 300;
const KEPT = 500;

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  larson: {
    live: () => [uniform(LARSON_SLOTS)],
    transit: () => [uniform(SENT_BLOCKS)],
    first: (workers) => [uniform(workers * LARSON_SLOTS)],
    generations: 2,
  },
  mstress: {
    live: () => [powersOfTwo(KEPT, 7), powersOfTwo(BRIEF_LIVE + SHARED_BLOCKS, 5)],
    transit: () => [powersOfTwo(SENT_BLOCKS, 5)],
    first: () => [],
    generations: 2,
  },
  rptest: {
    live: () => [falling(1000 + PIPE_LIMIT)],
    transit: (workers) => (workers === 1 ? [] : [falling(SENT_BLOCKS)]),
    first: () => [],
    generations: 1,
  },
  "cache-scratch": {
    live: () => [small(1)],
    transit: () => [],
    first: (workers) => [small(workers)],
    generations: 1,
  },
  "cache-thrash": {
    live: () => [small(1)],
    transit: () => [],
    first: () => [],
    generations: 1,
  },
};

/** So unlikely is a class of which more is live, at any moment: e^-25. */
const UNLIKELY = 25;

/** Blocks of a class among those drawn: no more, by Chernoff's bound. */
function countOf(drawn: readonly Drawn[], classIndex: number): number {
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  // A shared heap has no blocks of one granule.
  const below = classIndex <= 2 ? 0 : (BLOCK_BYTES[classIndex - 1] as number);
  const clamp = (chance: number): number => Math.min(1, Math.max(0, chance));
  let mean = 0;
  let all = 0;
  for (const { blocks, within } of drawn) {
    const chance = clamp(within(blockBytes)) - (below === 0 ? 0 : clamp(within(below)));
    mean += blocks * chance;
    if (chance > 0) all += blocks;
  }
  let count = Math.ceil(mean);
  while (count < all && count * Math.log(count / mean) - count + mean < UNLIKELY) count++;
  return Math.min(all, count);
}

/** Blocks of a class in an outbox, which large ones fill by their bytes. */
function heldBack(transit: readonly Drawn[], classIndex: number): number {
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const blocks = countOf(transit, classIndex);
  if (blockBytes <= TINY_MAX_BYTES) return blocks;
  return Math.min(blocks, Math.ceil(OUTBOX_MAX_BYTES / blockBytes));
}

/** What a worker has of its slabs. */
interface Taken {
  slabs: number;
  bytes: number;
}

/**
 * A worker takes a slab when all its slabs of the class are full and it caches none: then each of
 * their blocks is live or in transit. It carves when no block of a slab is free.
 */
function takenBy(live: readonly Drawn[], transit: readonly Drawn[]): Taken {
  const taken = { slabs: 0, bytes: 0 };
  for (let classIndex = 2; classIndex <= CLASS_COUNT; classIndex++) {
    const together = countOf([...live, ...transit], classIndex);
    const blocks = Math.min(together, countOf(live, classIndex) + heldBack(transit, classIndex));
    if (blocks === 0) continue;
    const perSlab = blocksPerSlab(classIndex);
    const carved = blocks + refillCount(classIndex, OPTIONS);
    const isOne = carved <= perSlab;
    const slabs = isOne ? 1 : 1 + Math.floor(blocks / perSlab);
    const bytes = isOne
      ? toPages(carved * (BLOCK_BYTES[classIndex] as number))
      : slabs * SLAB_BYTES;
    taken.slabs += slabs;
    taken.bytes += bytes + slabs * PAGE_BYTES;
  }
  return taken;
}

function toPages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** Tables with an entry a slab: states, summaries, marks, records, free bits, remote bits. */
const SLAB_TABLES = 6;
const SLAB_ENTRY_BYTES = 4 + 4 + 4 + 32 + 512 + 512;

/** The bytes that a workload may commit on so many workers. */
export function boundOf(workload: Workload, workers: number): number {
  const { live, transit, first, generations } = workload;
  const layout = sharedLayout(CAPACITY, MAX_WORKERS);
  const regions = (1 + workers) * toPages(4 * layout.regionInts);
  const main = takenBy(first(workers), []);
  const each = takenBy(live(workers), transit(workers));
  const slabs = main.slabs + workers * generations * each.slabs;
  const tables = slabs * SLAB_ENTRY_BYTES + (2 * SLAB_TABLES + 1) * PAGE_BYTES;
  return main.bytes + workers * generations * each.bytes + tables + regions;
}

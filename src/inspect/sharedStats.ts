import type { ClassIndex, SlabIndex } from "../base/types.js";
import { kindOf, loadState, ownerOf, walkStates } from "../central/states.js";
import type { HeapOptions } from "../config/options.js";
import * as classCounters from "../layout/classCounters.js";
import * as heapCounters from "../layout/heapCounters.js";
import { FREE_WORDS_SHIFT } from "../layout/sharedMetadata.js";
import type { SharedViews } from "../layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../layout/sizeClasses.js";
import { IN_ARENA } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import { blocksPerSlab, ptrToSlab } from "../layout/units.js";
import * as workerRegion from "../layout/workerRegion.js";
import { isAttached, slotViews } from "./sharedVerify.js";
import { add, type Counted, cachedBlocks, counted, type HeapStats, readStats } from "./stats.js";

/** What one worker has of a shared heap, in blocks and bytes. */
export interface WorkerStats {
  workerId: number;
  /** The slabs that it owns, those of its spans included. */
  slabs: number;
  /** Live blocks in its slabs, whichever worker holds them. */
  live: Counted;
  cached: Counted;
  /** Blocks of other workers that it has freed and not sent home yet. */
  outboxBlocks: number;
  refills: number;
  drains: number;
  /** Blocks that its drains returned to their slabs. */
  drained: number;
}

export interface SharedHeapStats extends HeapStats {
  maxWorkers: number;
  /** Blocks that a worker which does not own the slab has freed, on their way home. */
  inTransit: Counted;
  /** Slabs with live blocks that a worker has left, until they are adopted. */
  abandonedSlabs: number;
  /** The attached workers. */
  workers: WorkerStats[];
}

/** Reads the statistics of a shared heap: exact while its workers are quiet, else approximate. */
export function readSharedStats(views: SharedViews, options: HeapOptions): SharedHeapStats {
  const slots = slotViews(views);
  const attached = slots.filter(({ worker }) => isAttached(views, worker));
  const heap = readStats(views, options, slots, views.words);
  const workers = attached.map(readWorker);
  const stats: SharedHeapStats = {
    ...heap,
    maxWorkers: views.layout.workers,
    inTransit: { blocks: 0, bytes: 0 },
    abandonedSlabs: 0,
    workers,
  };
  const transit = (
    classIndex: ClassIndex,
    blocks: number,
    worker: WorkerStats | undefined,
  ): void => {
    const bytes = blocks * BLOCK_BYTES[classIndex];
    add(stats.inTransit, { blocks: blocks, bytes: bytes });
    add(stats.live, { blocks: -blocks, bytes: -bytes });
    const classStats = stats.classes[classIndex - 1];
    if (classStats !== undefined) add(classStats.live, { blocks: -blocks, bytes: -bytes });
    if (worker !== undefined) add(worker.live, { blocks: -blocks, bytes: -bytes });
  };
  for (const { slab, slabs, kind } of walkStates(views)) {
    if (kind === IN_ARENA) continue;
    const owner = ownerOf(loadState(views, slab));
    const worker = workers.find(({ workerId }) => workerId === owner - 1);
    // The owner of a span may have left: nobody holds it then.
    if (worker === undefined) stats.abandonedSlabs += slabs;
    else readOwned(views, slab, slabs, kind, worker);
    if (kind <= CLASS_COUNT) transit(kind, remoteBlocks(views, slab, kind), worker);
  }
  for (const { meta } of attached) {
    for (
      let index = meta[workerRegion.OUTBOX_SENT];
      index < meta[workerRegion.OUTBOX_COUNT];
      index++
    ) {
      const slab = ptrToSlab(meta[workerRegion.OUTBOX + index]);
      const state = loadState(views, slab);
      const worker = workers.find(({ workerId }) => workerId === ownerOf(state) - 1);
      if (kindOf(state) <= CLASS_COUNT) transit(kindOf(state), 1, worker);
    }
  }
  return stats;
}

function readWorker({ counters, meta, worker }: SharedViews): WorkerStats {
  const stats: WorkerStats = {
    workerId: worker,
    slabs: 0,
    live: { blocks: 0, bytes: 0 },
    cached: { blocks: 0, bytes: 0 },
    outboxBlocks: meta[workerRegion.OUTBOX_COUNT] - meta[workerRegion.OUTBOX_SENT],
    refills: 0,
    drains: counters[heapCounters.DRAINS],
    drained: 0,
  };
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const cached = cachedBlocks(meta, classIndex);
    const bytes = cached * BLOCK_BYTES[classIndex];
    add(stats.cached, { blocks: cached, bytes: bytes });
    add(stats.live, { blocks: -cached, bytes: -bytes });
    stats.refills += counters[classCounters.at(classIndex) + classCounters.REFILLS];
    stats.drained += counters[classCounters.at(classIndex) + classCounters.DRAINED];
  }
  return stats;
}

function readOwned(
  views: SharedViews,
  slab: SlabIndex,
  slabs: number,
  kind: number,
  worker: WorkerStats,
): void {
  const { records } = views;
  const slabAt = slabRecord.at(slab);
  worker.slabs += slabs;
  if (kind > CLASS_COUNT) {
    add(worker.live, { blocks: 1, bytes: records[slabAt + slabRecord.SPAN_BYTES] });
    return;
  }
  const used = records[slabAt + slabRecord.CARVED] - records[slabAt + slabRecord.FREE_COUNT];
  add(worker.live, counted(used, BLOCK_BYTES[kind]));
}

/** Returns how many blocks of a slab were sent home and not collected. */
function remoteBlocks(views: SharedViews, slab: SlabIndex, kind: number): number {
  const first = views.layout.remoteBits + (slab << FREE_WORDS_SHIFT);
  let blocks = 0;
  for (let word = first; word < first + ((blocksPerSlab(kind) + 31) >>> 5); word++) {
    for (let bits = views.words[word]; bits !== 0; bits &= bits - 1) blocks++;
  }
  return blocks;
}

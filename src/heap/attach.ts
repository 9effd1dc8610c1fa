import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import { abandonSlab } from "../central/remote.js";
import { sharedSlabs } from "../central/sharedSlabs.js";
import { kindOf, loadState, ownerOf } from "../central/states.js";
import type { HeapOptions } from "../config/options.js";
import { formatClasses } from "../front/chains.js";
import { drainCaches } from "../front/sll.js";
import { FORMATTING, MAGIC_VALUE } from "../layout/format.js";
import * as frontCache from "../layout/frontCache.js";
import { LIVE } from "../layout/header.js";
import * as heapCounters from "../layout/heapCounters.js";
import { metadataOffset } from "../layout/metadata.js";
import { sharedLayout } from "../layout/sharedMetadata.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import { MINE_MARKED, type SharedViews, viewShared } from "../layout/sharedViews.js";
import { CLASS_COUNT } from "../layout/sizeClasses.js";
import { generationOf, MAX_WORKERS, SLOT_ACTIVE } from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import { writeSuperblock } from "./create.js";
import { disown } from "./handOver.js";
import { hideLife, showLife, waitsOf } from "./liveness.js";
import { changeSlot, freeSlot, takeSlot } from "./slots.js";

/** Returns the words of an image's superblocks, up to the slots. */
function superblockWords(buffer: ArrayBufferLike, capacityBytes: number): Int32Array {
  return new Int32Array(buffer, metadataOffset(capacityBytes), workerSlot.START);
}

/** Checks `maxWorkers`. @throws {HeapError} ERR_INVALID_OPTION also if no slab would be left. */
export function checkMaxWorkers(options: HeapOptions, workers: number): void {
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
    const accepted = `an integer from 1 to ${MAX_WORKERS}`;
    const message = `maxWorkers is ${describe(workers)}; it takes ${accepted}`;
    throw new HeapError("ERR_INVALID_OPTION", message, { option: "maxWorkers", got: workers });
  }
  const { firstSlab, slabs } = sharedLayout(options.capacity, workers);
  if (firstSlab < slabs) return;
  const message =
    `maxWorkers is ${workers}; ${options.capacity} bytes have no room for so many front caches: ` +
    "take fewer workers or a larger capacity";
  throw new HeapError("ERR_INVALID_OPTION", message, { option: "maxWorkers", got: workers });
}

/**
 * Formats a zeroed buffer for workers.
 * @throws {HeapError} ERR_BAD_HEAP_IMAGE when another worker is formatting it.
 */
export function formatShared(buffer: ArrayBufferLike, options: HeapOptions, workers: number): void {
  const words = superblockWords(buffer, options.capacity);
  if (sync.compareExchange(words, superblock.MAGIC, 0, FORMATTING) !== 0) {
    const message = "the buffer holds something already, or another worker is formatting it";
    throw new HeapError("ERR_BAD_HEAP_IMAGE", message, {
      field: "magic",
      found: words[superblock.MAGIC],
    });
  }
  const layout = sharedLayout(options.capacity, workers);
  writeSuperblock(words, options, layout.firstSlab, layout.slabs);
  words[superblock.WORKERS] = workers;
  words[sharedSuperblock.HINT] = layout.firstSlab;
  sync.store(words, superblock.MAGIC, MAGIC_VALUE);
}

/**
 * Claims a slot, and formats its region for a new worker. Until the slot is active the agent has
 * only the slot and its waits. Another agent that finds no free slot may then take this one over,
 * because this agent may have died. So the region is written only after the slot is active.
 * @throws {HeapError} ERR_NO_WORKER_SLOT
 */
export function claimWorker(
  buffer: ArrayBufferLike,
  options: HeapOptions,
  workers: number,
): SharedViews {
  const words = sync.track(
    "words",
    new Int32Array(buffer, metadataOffset(options.capacity), workerSlot.at(workers)),
  );
  for (;;) {
    const slot = takeSlot(words, workers);
    if (slot === undefined) break;
    const { worker, state } = slot;
    const gate = new Int32Array(superblock.OPTIONS);
    const views = viewShared(buffer, options, workers, worker, sharedSlabs, gate);
    // This comes before the slot is active, so that an agent which is killed then is found dead.
    const waits = showLife(words, worker, state, gate);
    if (changeSlot(words, worker, state, generationOf(state) | SLOT_ACTIVE)) {
      formatRegion(views, options);
      disown(views, worker);
      sync.store(words, workerSlot.at(worker) + workerSlot.SETTLED, generationOf(state));
      return views;
    }
    gate[superblock.CLOSED] = 1;
    hideLife(words, worker, state, waits);
  }
  const message = `all ${workers} slots are taken; detach or recover a worker, or raise maxWorkers`;
  throw new HeapError("ERR_NO_WORKER_SLOT", message, { maxWorkers: workers });
}

/** Empties the front cache in a worker's region. The counters go on from what they were. */
function formatRegion(views: SharedViews, options: HeapOptions): void {
  const { doubleFree, layout, meta, words } = views;
  doubleFree[1] = sync.load(words, sharedSuperblock.RECOVERIES);
  writeSuperblock(meta, options, layout.firstSlab, layout.slabs);
  meta[superblock.SLL_BLOCKS] = 0;
  meta[workerRegion.OUTBOX_COUNT] = 0;
  meta[workerRegion.OUTBOX_SENT] = 0;
  meta[workerRegion.OUTBOX_BYTES] = 0;
  meta.fill(0, frontCache.ROOMS, heapCounters.START);
  formatClasses(meta, options);
}

/**
 * Detaches a worker: returns what it caches, abandons its slabs, frees its slot. What it held is
 * nobody's then; the next worker in the slot takes off the marks.
 */
export function detachWorker(views: SharedViews): void {
  const { layout } = views;
  drainCaches(views);
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(views, slab);
    const isOwn = ownerOf(state) === views.worker + 1;
    if (isOwn && kindOf(state) <= CLASS_COUNT) abandonSlab(views, slab);
  }
  closeWorker(views);
  const { worker, words } = views;
  const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
  const waits = waitsOf(words, worker);
  // This is one step: before it the worker is seen alive or dead, and after it owns nothing.
  freeSlot(views, worker, state);
  hideLife(words, worker, state, waits);
}

/**
 * Sends this handle's hot paths to the slow ones, which refuse: another worker may soon have the
 * slot.
 */
function closeWorker(views: SharedViews): void {
  views.gate[superblock.CLOSED] = 1;
  views.mine.fill(MINE_MARKED);
  views.liveHeaders.fill(LIVE);
}

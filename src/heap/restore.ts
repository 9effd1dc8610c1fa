import { sync } from "../base/sync.js";
import { sharedSlabs } from "../central/sharedSlabs.js";
import type { HeapOptions } from "../config/options.js";
import { recountTouched } from "../inspect/snapshot.js";
import { type SharedViews, viewShared, viewWorker } from "../layout/sharedViews.js";
import { generationOf, isWorkers, SLOT_ACTIVE, SLOT_FREE } from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import * as workerSlot from "../layout/workerSlot.js";
import { claimWorker } from "./attach.js";
import { recoverWorker } from "./recover.js";

/** Joins a restored heap, and recovers all its former workers, which are dead. */
export function joinRestored(
  buffer: ArrayBufferLike,
  options: HeapOptions,
  workers: number,
): SharedViews {
  const first = viewShared(buffer, options, workers, 0, sharedSlabs);
  const { words } = first;
  const wereActive: number[] = [];
  for (let worker = 0; worker < workers; worker++) {
    const stateAt = workerSlot.at(worker) + workerSlot.STATE;
    const state = sync.load(words, stateAt);
    if (isWorkers(state)) wereActive.push(worker);
    const status = isWorkers(state) ? SLOT_ACTIVE : SLOT_FREE;
    sync.store(words, stateAt, generationOf(state) | status);
  }
  // If all slots are taken, one worker is recovered first, in the name of worker 0.
  if (wereActive.length === workers) recoverWorker(first, wereActive.pop() as number, false);
  const views = claimWorker(buffer, options, workers);
  for (const worker of wereActive) recoverWorker(views, worker, false);
  for (let worker = 0; worker < workers; worker++) {
    viewWorker(views, worker).meta[superblock.TOUCHED_PAGES] = 0;
  }
  recountTouched(views);
  return views;
}

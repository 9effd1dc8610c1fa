import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { WorkerIndex } from "../base/types.js";
import { wake } from "../central/states.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import type { SharedViews } from "../layout/sharedViews.js";
import {
  generationOf,
  isWorkers,
  MAX_WORKERS,
  SLOT_ATTACHING,
  SLOT_FREE,
  SLOT_HELD,
  SLOT_RECOVERING,
} from "../layout/slotState.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import { type Life, probeLife } from "./liveness.js";

/*
 * How slots change hands: layout/slotState.ts draws their states. A change happens only if the slot
 * still has the state, and so the generation, that was looked at. If a worker dies while it
 * attaches, nothing is lost. If it was active, it can be recovered. The worker that recovers it
 * also takes over the slots that it was recovering or held.
 */

/** A slot's number, and its state at one time. */
export interface Slot {
  readonly worker: WorkerIndex;
  readonly state: number;
}

/**
 * Takes a slot to attach by: a free one; else one whose agent began to attach and has not finished
 * for a while, or one whose holder is dead. Returns undefined if there is none.
 */
export function takeSlot(words: Int32Array, workers: number): Slot | undefined {
  for (;;) {
    let left: Slot | undefined;
    for (let worker = 0; worker < workers; worker++) {
      const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
      const status = state & 0xff;
      if (status === SLOT_FREE) {
        const next = nextGeneration(state) | SLOT_ATTACHING;
        if (changeSlot(words, worker, state, next)) return { worker, state: next };
      } else if (left === undefined && !isWorkers(state)) {
        if (status === SLOT_ATTACHING || isHolderDead(words, state)) left = { worker, state };
      }
    }
    if (left === undefined) return undefined;
    const { worker, state } = left;
    linger();
    const next = nextGeneration(state) | SLOT_ATTACHING;
    if (changeSlot(words, worker, state, next)) return { worker, state: next };
  }
}

function nextGeneration(state: number): number {
  return ((state >>> 8) + 1) << 8;
}

function isHolderDead(words: Int32Array, held: number): boolean {
  const holder = held & (MAX_WORKERS - 1);
  const state = sync.load(words, workerSlot.at(holder) + workerSlot.STATE);
  return probeLife({ words, worker: -1 }, holder, state) === "dead";
}

/**
 * Gives the agent that attaches time to finish, or two might take a slot from one another in turn.
 */
function linger(): void {
  const end = Date.now() + 2;
  while (Date.now() < end);
}

/** Changes a slot's state if it is still `from`. Returns whether it did. */
export function changeSlot(
  words: Int32Array,
  worker: WorkerIndex,
  from: number,
  to: number,
): boolean {
  const stateAt = workerSlot.at(worker) + workerSlot.STATE;
  for (;;) {
    if (sync.compareExchange(words, stateAt, from, to) === from) return true;
    if (sync.load(words, stateAt) !== from) return false;
  }
}

/**
 * Keeps others from attaching: takes every slot, also those of agents that are about to attach.
 * @returns a worker that is attached, when it may have taken some slots already; -1 if there is
 * none.
 */
export function holdSlots({ layout, words, worker: holder }: SharedViews): number {
  for (let worker = 0; worker < layout.workers; worker++) {
    if (worker === holder) continue;
    for (;;) {
      const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
      if (isWorkers(state)) return worker;
      if ((state & SLOT_HELD) !== 0) return state & (MAX_WORKERS - 1);
      // This is a new generation, so that a worker which found a former holder dead takes nothing.
      if (changeSlot(words, worker, state, nextGeneration(state) | SLOT_HELD | holder)) break;
    }
  }
  return -1;
}

/** Gives back the slots that a worker holds. */
export function releaseSlots({ layout, words }: SharedViews, holder: WorkerIndex): void {
  for (let worker = 0; worker < layout.workers; worker++) {
    const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
    if ((state & 0xff) !== (SLOT_HELD | holder)) continue;
    changeSlot(words, worker, state, generationOf(state) | SLOT_FREE);
  }
}

/**
 * Returns whether a slot has a worker that holds what is marked with its number: before the worker
 * is settled, and after it has left, that is nobody's.
 */
export function isSettled({ words }: SharedViews, worker: WorkerIndex): boolean {
  const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
  const settled = sync.load(words, workerSlot.at(worker) + workerSlot.SETTLED);
  return isWorkers(state) && settled === generationOf(state);
}

/**
 * Makes a slot free for the next worker. Its worker owns no slab, and nobody else may free it. The
 * last step is the one that frees the slot, so a recovery that dies before it can be repeated.
 */
export function freeSlot(views: SharedViews, worker: WorkerIndex, state: number): void {
  const { layout, words } = views;
  const region = layout.regions + worker * layout.regionInts;
  for (let word = 0; word < layout.dirtyWords; word++) {
    if (sync.load(words, region + workerRegion.DIRTY_WORDS + word) !== 0) {
      sync.store(words, region + workerRegion.DIRTY_WORDS + word, 0);
    }
  }
  sync.store(words, workerSlot.at(worker) + workerSlot.MAIL, 0);
  sync.store(words, workerSlot.at(worker) + workerSlot.TICKET, 0);
  sync.and(words, sharedSuperblock.WAITING + (worker >> 5), ~(1 << (worker & 31)));
  wake(views);
  changeSlot(words, worker, state, generationOf(state) | SLOT_FREE);
}

/**
 * Returns whether the worker is dead that had the slot when its state was `state`. What a dead
 * worker was recovering may be recovered by any.
 */
export function lifeOf(
  views: SharedViews,
  worker: WorkerIndex,
  state: number,
  isTold: boolean,
): Life {
  if ((state & SLOT_RECOVERING) === 0) return probeLife(views, worker, state, isTold);
  const by = state & (MAX_WORKERS - 1);
  if (by === views.worker) return "dead";
  const byState = sync.load(views.words, workerSlot.at(by) + workerSlot.STATE);
  // If that one has left, it has ended its work, and the slot's state is another by now; or it has
  // given up, and anybody may go on.
  return isWorkers(byState) ? lifeOf(views, by, byState, false) : "dead";
}

/**
 * Makes a dead worker's slot this worker's to recover, if its state is still what was asked about.
 * @returns the state that it has now.
 * @throws {HeapError} ERR_WORKER_ALIVE
 */
export function beginRecovery(views: SharedViews, dead: WorkerIndex, asked: number): number {
  const { words } = views;
  const newState = generationOf(asked) | SLOT_RECOVERING | views.worker;
  if (isWorkers(asked) && changeSlot(words, dead, asked, newState)) {
    sync.add(words, sharedSuperblock.RECOVERIES, 1);
    return newState;
  }
  const message = `worker ${dead} left meanwhile, or another worker recovers it`;
  throw new HeapError("ERR_WORKER_ALIVE", message, { workerId: dead });
}

/**
 * Makes the recoveries of a dead worker this worker's, and frees the slots that the dead one held.
 * @param duties takes the states of the slots that this worker recovers now, by worker.
 */
export function takeDuties(
  views: SharedViews,
  dead: WorkerIndex,
  duties: Map<number, number>,
): void {
  const { layout, words } = views;
  for (let other = 0; other < layout.workers; other++) {
    const state = sync.load(words, workerSlot.at(other) + workerSlot.STATE);
    if (other === dead || (state & 0xff) !== (SLOT_RECOVERING | dead)) continue;
    const taken = generationOf(state) | SLOT_RECOVERING | views.worker;
    if (changeSlot(words, other, state, taken)) duties.set(other, taken);
  }
  releaseSlots(views, dead);
}

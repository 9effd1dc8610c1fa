import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { WorkerIndex } from "../base/types.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import type { SharedViews } from "../layout/sharedViews.js";
import {
  generationOf,
  isWorkers,
  MAX_WORKERS,
  SLOT_ACTIVE,
  SLOT_ATTACHING,
  SLOT_FREE,
  SLOT_HELD,
  SLOT_RECOVERING,
} from "../layout/slotState.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import { probeLife } from "./liveness.js";

/*
 * How slots change hands: layout/slotState.ts draws their states. A change happens only if the slot
 * still has the state, and so the generation, that was looked at. If a worker dies while it
 * attaches, nothing is lost. If it was active, it can be recovered. The worker that recovers it
 * also takes over the slots that it was recovering or held.
 */

/** A slot's number, and its state at one time. */
interface Slot {
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

/** Makes a slot free for the next worker. Its worker owns nothing, and nobody else may free it. */
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
  changeSlot(words, worker, state, generationOf(state) | SLOT_FREE);
}

/**
 * Makes a dead worker's slot this worker's to recover, if its state is still what was asked about.
 * @returns the state that it has now.
 * @throws {HeapError} ERR_WORKER_ALIVE
 */
export function beginRecovery(views: SharedViews, dead: WorkerIndex, asked: number): number {
  const { words } = views;
  const newState = generationOf(asked) | SLOT_RECOVERING | views.worker;
  const isAsked = (asked & 0xff) === SLOT_ACTIVE || asked === newState;
  if (isAsked && changeSlot(words, dead, asked, newState)) return newState;
  const state = sync.load(words, workerSlot.at(dead) + workerSlot.STATE);
  const by = state & (MAX_WORKERS - 1);
  const isBeingRecovered = isWorkers(state) && (state & 0xff) !== SLOT_ACTIVE;
  const message = isBeingRecovered
    ? `worker ${dead} is being recovered by worker ${by}; recover that one if it has died`
    : `worker ${dead} left meanwhile, or another worker recovered it`;
  throw new HeapError("ERR_WORKER_ALIVE", message, { workerId: dead });
}

/**
 * Lets others recover what the dead worker was recovering, and frees the slots that it held.
 * @returns by worker, the states of those that it was recovering.
 */
export function endDuties(views: SharedViews, dead: WorkerIndex): Map<number, number> {
  const { layout, words } = views;
  const left = new Map<number, number>();
  for (let other = 0; other < layout.workers; other++) {
    const state = sync.load(words, workerSlot.at(other) + workerSlot.STATE);
    if (other === dead || (state & 0xff) !== (SLOT_RECOVERING | dead)) continue;
    const active = generationOf(state) | SLOT_ACTIVE;
    if (changeSlot(words, other, state, active)) left.set(other, active);
  }
  releaseSlots(views, dead);
  return left;
}

/** Returns whether a worker is certainly dead, because this one has begun to recover it. */
export function isBegun(views: SharedViews, state: number): boolean {
  return (state & 0xff) === (SLOT_RECOVERING | views.worker);
}

/** Returns whether a recovery was refused because another worker was faster. */
export function isRefused(error: unknown): boolean {
  return error instanceof HeapError && error.code === "ERR_WORKER_ALIVE";
}

import { sync } from "../base/sync.js";
import type { WorkerIndex } from "../base/types.js";
import type { SharedViews } from "../layout/sharedViews.js";
import * as superblock from "../layout/superblock.js";
import * as workerSlot from "../layout/workerSlot.js";
import { probeLife } from "./liveness.js";
import { type Recovered, recoverAll } from "./recover.js";

/** Some engines say that a worker has ended before it has. It is asked again after these pauses. */
const PAUSES_MS: readonly number[] = [10, 100, 1000];

declare function setTimeout(run: () => void, ms: number): unknown;

/** How workers are asked whether they live. */
interface Asking {
  readonly freeLive: boolean;
  /** The program named the worker that ends, which is trusted where the engine cannot tell. */
  readonly isNamed: boolean;
  readonly tell: (what: Recovered) => void;
}

/**
 * Asks workers whether they live, by their numbers and the states of their slots, and recovers
 * those that do not: now, and a few times more until `asked` is empty. When one is found dead it is
 * most likely the one that ended, so the others are asked only once more, after the longest pause.
 */
export function askAgain(
  views: SharedViews,
  asked: Map<number, number>,
  asking: Asking,
  turn: number = 0,
): void {
  if (views.gate[superblock.CLOSED] !== 0) return;
  const found: Recovered[] = [];
  let isFound = false;
  for (const [worker, state] of asked) {
    const isChanged = sync.load(views.words, workerSlot.at(worker) + workerSlot.STATE) !== state;
    const life = isChanged ? "alive" : probeLife(views, worker, state);
    const isDead = life === "dead" || (life === "unknown" && asking.isNamed);
    if (isChanged || isDead) asked.delete(worker);
    if (!isDead) continue;
    isFound = true;
    const what = tryRecover(views, worker, asking.freeLive, state);
    if (what !== undefined) found.push(what, ...what.others);
  }
  const last = PAUSES_MS.length - 1;
  const next = isFound && turn < last ? last : turn;
  const pause = PAUSES_MS[next];
  if (asked.size > 0 && pause !== undefined) {
    const timer = setTimeout(() => askAgain(views, asked, asking, next + 1), pause);
    if (!asking.isNamed) (timer as { unref?: () => void }).unref?.();
  }
  tellEach(found, asking.tell);
}

/**
 * Recovers a worker. Returns undefined if another worker was faster, or if the image is damaged:
 * then `recover` says how.
 */
function tryRecover(
  views: SharedViews,
  dead: WorkerIndex,
  freeLive: boolean,
  state: number,
): Recovered | undefined {
  try {
    return recoverAll(views, dead, freeLive, state);
  } catch {
    return undefined;
  }
}

/** Tells of each recovery, even if `tell` throws. */
function tellEach(found: Recovered[], tell: (what: Recovered) => void): void {
  const what = found.shift();
  if (what === undefined) return;
  try {
    tell(what);
  } finally {
    tellEach(found, tell);
  }
}

import { type AsyncWait, sync } from "../base/sync.js";
import type { WorkerIndex } from "../base/types.js";
import type { SharedViews } from "../layout/sharedViews.js";
import { generationOf } from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import * as workerSlot from "../layout/workerSlot.js";

/*
 * The engine tells whether a worker lives. While it is attached, a worker waits on a word of its
 * slot, without blocking. The waits of an agent end with it, however it ends, so a notify that
 * wakes nobody says that the worker is dead. A notify uses up one wait of a living worker, which
 * waits again when it is back in its event loop. So there are several waits. The first questions
 * may come at once, as from guards of many workers that end together. Then each must come twice as
 * late as the one before it, counted from when the worker was in its event loop last. So a worker
 * that never is there can be asked for half a day, and when it dies that is known after at most as
 * long as it was busy. An agent that was told of the worker's end asks at once.
 *
 * ARMED counts the waits that nobody has used up, of the generation that it names. It is changed by
 * compare-exchange, so that what began in one generation changes nothing in another. Each
 * generation waits on a word of its own, out of 8. A worker that is overtaken for 8 generations
 * while it wakes another one may wake a wait that it has not counted. So the last waits are never
 * used.
 */
const WAITS = 32;
const WAITS_WITH_PAUSES = 24;
const WAITS_KEPT = 2;
const FIRST_PAUSE_MS = 10;

/** One attachment of a worker, and the waits by which others see that the worker lives. */
interface Attachment {
  readonly words: Int32Array;
  readonly worker: WorkerIndex;
  /** The state of its slot while it attaches, which names its generation. */
  readonly state: number;
  readonly gate: Int32Array;
  /** Waits that have not ended, as far as this agent has been told. */
  waits: number;
}

/**
 * Starts the waits of a worker, and counts them unless its slot was taken over meanwhile. Returns
 * how many there are.
 */
export function showLife(
  words: Int32Array,
  worker: WorkerIndex,
  state: number,
  gate: Int32Array,
): number {
  const attachment: Attachment = { words, worker, state, gate, waits: 0 };
  while (attachment.waits < WAITS && waitOnce(attachment));
  const { waits } = attachment;
  const slot = workerSlot.at(worker);
  for (;;) {
    const found = sync.load(words, slot + workerSlot.ARMED);
    // This comes after the load: an agent that takes the slot over writes its own count later.
    if (sync.load(words, slot + workerSlot.STATE) !== state) return waits;
    sync.store(words, slot + workerSlot.RENEWED, waits === 0 ? 0 : now());
    const armed = generationOf(state) | waits;
    if (sync.compareExchange(words, slot + workerSlot.ARMED, found, armed) === found) return waits;
  }
}

/** Returns the time in ms, in 32 bits, and never 0. */
function now(): number {
  return Date.now() | 0 || 1;
}

function waitOnce(attachment: Attachment): boolean {
  let wait: AsyncWait;
  try {
    wait = sync.waitAsync(
      attachment.words,
      workerSlot.lifeAt(attachment.worker, attachment.state),
      0,
    );
  } catch {
    return false;
  }
  if (!wait.async) return false;
  attachment.waits++;
  void wait.value.then(() => {
    attachment.waits--;
    if (attachment.gate[superblock.CLOSED] === 0) waitAgain(attachment);
  });
  return true;
}

function waitAgain(attachment: Attachment): void {
  const { words, worker, state } = attachment;
  const before = attachment.waits;
  while (attachment.waits < WAITS && waitOnce(attachment));
  const added = attachment.waits - before;
  const armedAt = workerSlot.at(worker) + workerSlot.ARMED;
  if (added > 0) sync.store(words, workerSlot.at(worker) + workerSlot.RENEWED, now());
  for (;;) {
    const found = sync.load(words, armedAt);
    if (generationOf(found) !== generationOf(state)) return;
    const waits = Math.min((found & 0xff) + added, attachment.waits);
    const next = generationOf(state) | waits;
    if (sync.compareExchange(words, armedAt, found, next) === found) return;
  }
}

/**
 * Ends so many waits of a worker, which would keep the buffer from being collected. They came
 * first, so those of a later worker on the same word stay.
 */
export function hideLife(
  words: Int32Array,
  worker: WorkerIndex,
  state: number,
  waits: number,
): void {
  sync.notify(words, workerSlot.lifeAt(worker, state), waits);
}

/** Returns how many waits of a worker nobody has used up. */
export function waitsOf(words: Int32Array, worker: WorkerIndex): number {
  return sync.load(words, workerSlot.at(worker) + workerSlot.ARMED) & 0xff;
}

/** Returns whether the engine of a worker can tell nobody whether it lives. */
export function isMute(words: Int32Array, worker: WorkerIndex): boolean {
  const renewed = sync.load(words, workerSlot.at(worker) + workerSlot.RENEWED);
  return renewed === 0 && waitsOf(words, worker) === 0;
}

export type Life = "alive" | "dead" | "unknown";

/**
 * Returns whether the worker lives that had the slot when its state was `state`; "unknown" if its
 * engine cannot tell, or if it was asked too often.
 * @param isTold whether something said that it has ended. It is asked at once then.
 */
export function probeLife(
  { words, worker: asker }: Pick<SharedViews, "words" | "worker">,
  worker: WorkerIndex,
  state: number,
  isTold = false,
): Life {
  if (worker === asker) return "alive";
  // Each probe takes one wait for itself, so that two probes do not count on the same one.
  if (!mayAsk(words, worker, isTold) || !addWaits(words, worker, state, -1)) return "unknown";
  if (sync.notify(words, workerSlot.lifeAt(worker, state), 1) > 0) return "alive";
  addWaits(words, worker, state, 1);
  // The dead may be asked again at once: what it was recovering, and by whom it is recovered.
  sync.store(words, workerSlot.at(worker) + workerSlot.PROBED, 0);
  return "dead";
}

/** Returns whether the engine tells of any worker whether it lives. */
export function canProbe({ words }: SharedViews): boolean {
  try {
    // The magic number is not 0, so nothing waits.
    sync.waitAsync(words, superblock.MAGIC, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns whether a worker may be asked now, by how many waits it has left, and by how long it was
 * not in its event loop when it was asked last. Of several that ask at the same moment one may.
 */
function mayAsk(words: Int32Array, worker: WorkerIndex, isTold: boolean): boolean {
  const slot = workerSlot.at(worker);
  const waits = waitsOf(words, worker);
  if (waits <= WAITS_KEPT) return false;
  const probed = sync.load(words, slot + workerSlot.PROBED);
  const time = now();
  const silence = (probed - sync.load(words, slot + workerSlot.RENEWED)) | 0;
  const passed = (time - probed) | 0;
  const isTime = passed < 0 || passed >= Math.max(FIRST_PAUSE_MS, silence);
  if (!isTold && waits <= WAITS_WITH_PAUSES && !isTime) return false;
  const isFirst = sync.compareExchange(words, slot + workerSlot.PROBED, probed, time) === probed;
  return isTold || waits > WAITS_WITH_PAUSES || isFirst;
}

/**
 * Changes the count of waits. Returns false if the generation is over, or if it would be below 0.
 */
function addWaits(words: Int32Array, worker: WorkerIndex, state: number, change: number): boolean {
  const armedAt = workerSlot.at(worker) + workerSlot.ARMED;
  for (;;) {
    const found = sync.load(words, armedAt);
    const isOver = generationOf(found) !== generationOf(state);
    if (isOver || (found & 0xff) + change < 0) return false;
    if (sync.compareExchange(words, armedAt, found, found + change) === found) return true;
  }
}

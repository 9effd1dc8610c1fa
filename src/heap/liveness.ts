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
 * may come at once, as from guards of many workers that end together. Then each must wait eight
 * times as long as the one before it, so that a worker which never is in its event loop can be
 * asked for hours. An agent that was told of the worker's end asks at once.
 *
 * ARMED counts the waits that nobody has used up, of the generation that it names. It is changed by
 * compare-exchange, so that what began in one generation changes nothing in another. Each
 * generation waits on a word of its own, out of 8. So a worker that is overtaken while it wakes
 * another one wakes a wait that it has not counted only after 8 generations.
 */
const WAITS = 16;
const WAITS_WITH_PAUSES = 8;
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

/** Starts the waits of a worker, and counts them unless its slot was taken over meanwhile. */
export function showLife(
  words: Int32Array,
  worker: WorkerIndex,
  state: number,
  gate: Int32Array,
): void {
  const attachment: Attachment = { words, worker, state, gate, waits: 0 };
  while (attachment.waits < WAITS && waitOnce(attachment));
  const armedAt = workerSlot.at(worker) + workerSlot.ARMED;
  for (;;) {
    const found = sync.load(words, armedAt);
    // This comes after the load: an agent that takes the slot over writes its own count later.
    if (sync.load(words, workerSlot.at(worker) + workerSlot.STATE) !== state) return;
    const waits = generationOf(state) | attachment.waits;
    if (sync.compareExchange(words, armedAt, found, waits) === found) return;
  }
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
  for (;;) {
    const found = sync.load(words, armedAt);
    if (generationOf(found) !== generationOf(state)) return;
    const waits = Math.min((found & 0xff) + added, attachment.waits);
    const next = generationOf(state) | waits;
    if (sync.compareExchange(words, armedAt, found, next) === found) return;
  }
}

/** Ends the waits of a worker. They would keep the buffer from being collected. */
export function hideLife(words: Int32Array, worker: WorkerIndex, state: number): void {
  sync.notify(words, workerSlot.lifeAt(worker, state));
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
  if (!(isTold || mayAsk(words, worker)) || !addWaits(words, worker, state, -1)) return "unknown";
  if (sync.notify(words, workerSlot.lifeAt(worker, state), 1) > 0) {
    sync.store(words, workerSlot.at(worker) + workerSlot.PROBED, Date.now() | 0);
    return "alive";
  }
  addWaits(words, worker, state, 1);
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

/** Returns whether a worker may be asked again, by how many waits it has left. */
function mayAsk(words: Int32Array, worker: WorkerIndex): boolean {
  const waits = sync.load(words, workerSlot.at(worker) + workerSlot.ARMED) & 0xff;
  if (waits > WAITS_WITH_PAUSES) return true;
  const probed = sync.load(words, workerSlot.at(worker) + workerSlot.PROBED);
  const passed = (Date.now() - probed) | 0;
  return passed < 0 || passed >= FIRST_PAUSE_MS * 8 ** (WAITS_WITH_PAUSES - waits);
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

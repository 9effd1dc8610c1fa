import { type AsyncWait, sync } from "../base/sync.js";
import { CLOSED } from "../layout/metadata.js";
import { type SharedImage, SLOT_ARMED, SLOT_LIFE, SLOT_STATE, slotWord } from "../layout/shared.js";

/*
 * Whether a worker lives, told by its engine: for as long as it is attached it waits, without
 * blocking, on a word of its slot. An agent that ends, however it ends, waits no more, and a notify
 * that wakes nobody says so. A notify uses up one wait of a living worker, which waits anew when it
 * is back in its event loop; so there are several.
 */
const WAITS = 16;

/** What a worker is seen alive by: the slots, its own, and whether it has detached. */
type Attached = Pick<SharedImage, "words" | "worker" | "gate">;

/** Begins to be seen alive. */
export function showLife(image: Attached): void {
  const { words, worker } = image;
  const life = slotWord(worker, SLOT_LIFE);
  sync.store(words, life, 1);
  const armed = slotWord(worker, SLOT_ARMED);
  if (!waitOnce(image)) sync.store(words, armed, -1);
  else sync.add(words, armed, 1);
  for (let wait = 1; wait < WAITS && waitOnce(image); wait++) sync.add(words, armed, 1);
}

function waitOnce(image: Attached): boolean {
  let wait: AsyncWait;
  try {
    wait = sync.waitAsync(image.words, slotWord(image.worker, SLOT_LIFE), 1);
  } catch {
    return false;
  }
  if (!wait.async) return false;
  void wait.value.then(() => {
    if (image.gate[CLOSED] !== 0 || !waitOnce(image)) return;
    sync.add(image.words, slotWord(image.worker, SLOT_ARMED), 1);
  });
  return true;
}

/** Ends it: the waits are over, or they would keep the image from the collector. */
export function hideLife(image: SharedImage): void {
  const { words, worker } = image;
  sync.store(words, slotWord(worker, SLOT_ARMED), 0);
  sync.store(words, slotWord(worker, SLOT_LIFE), 0);
  sync.notify(words, slotWord(worker, SLOT_LIFE));
}

export type Life = "alive" | "dead" | "unknown";

/**
 * Asks whether a worker lives. "unknown" where its engine cannot tell, or it was asked too often.
 */
export function probeLife(image: SharedImage, worker: number): Life {
  const { words } = image;
  if (worker === image.worker) return "alive";
  const armed = slotWord(worker, SLOT_ARMED);
  // Each probe takes one wait for itself: two must not count on the same.
  for (;;) {
    const waits = sync.load(words, armed);
    if (waits <= 0) return "unknown";
    if (sync.compareExchange(words, armed, waits, waits - 1) === waits) break;
  }
  if (sync.notify(words, slotWord(worker, SLOT_LIFE), 1) > 0) return "alive";
  sync.add(words, armed, 1);
  return "dead";
}

/** Some engines say that a worker has ended a while before it has: it is asked again so often. */
const PAUSES_MS: readonly number[] = [10, 100, 1000];

declare function setTimeout(run: () => void, ms: number): unknown;

/**
 * Asks workers, by number and the state of their slots, whether they live, and calls `recover` for
 * those that do not: now, and a few times more until one was found dead or `asked` is empty.
 *
 * @param isCertain the workers are known to end: trusted where the engine cannot tell.
 */
export function askAgain(
  image: SharedImage,
  asked: Map<number, number>,
  isCertain: boolean,
  recover: (dead: number) => void,
  turn: number = 0,
): void {
  if (image.gate[CLOSED] !== 0) return;
  let isFound = false;
  for (const [worker, state] of asked) {
    const isChanged = sync.load(image.words, slotWord(worker, SLOT_STATE)) !== state;
    const life = isChanged ? "alive" : probeLife(image, worker);
    const isDead = life === "dead" || (life === "unknown" && isCertain);
    if (isChanged || isDead) asked.delete(worker);
    if (!isDead) continue;
    isFound = true;
    recover(worker);
  }
  const pause = PAUSES_MS[turn];
  if (isFound || asked.size === 0 || pause === undefined) return;
  const timer = setTimeout(() => askAgain(image, asked, isCertain, recover, turn + 1), pause);
  if (!isCertain) (timer as { unref?: () => void }).unref?.();
}

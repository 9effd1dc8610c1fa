import { corrupted } from "../base/errors.js";
import { headerClass, LIVE_TO_CACHED } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  CLASS_CAP,
  classRecord,
  DRAINS,
  END_MAGAZINE,
  emptyTop,
  MAGAZINE_COUNT,
  MAGAZINE_MASK,
  NO_TAKE_TOP,
  PUT_TOPS,
  SLL_BLOCKS,
  SLL_HEAD,
  SPARE_HEAD,
  SPARE_NEXT,
  TAKE_TOPS,
  topToMagazine,
} from "../layout/metadata.js";
import { CLASS_COUNT } from "../layout/sizeClasses.js";

/*
 * The SLL: freed blocks that did not fit the front cache, until a drain returns them to their
 * slabs. It is a singly linked list of full magazines, a list a class, so a block costs it nothing:
 * a list through the payloads touched every freed block once more, which cost a Python trace 5 %,
 * and a link in a payload can be overwritten through a stale view.
 */

/** Gives `malloc` the class's newest magazine of the SLL for its empty one. */
export function popSll(meta: Int32Array, live: number, owner: number): void {
  const mask = meta[MAGAZINE_MASK] as number;
  const magazine = meta[owner + SLL_HEAD] as number;
  meta[owner + SLL_HEAD] = meta[magazine] as number;
  meta[SLL_BLOCKS] = (meta[SLL_BLOCKS] as number) - (meta[owner + CLASS_CAP] as number);
  giveSpare(meta, topToMagazine(meta[live] as number, mask));
  meta[live] = magazine + mask;
}

/** Returns every block of the SLL to its slab, and slabs that become empty to the pool. */
export function drainSll(image: Image): void {
  const { counters, meta } = image;
  const mask = meta[MAGAZINE_MASK] as number;
  let walked = 0;
  counters[DRAINS] = (counters[DRAINS] as number) + 1;
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const owner = classRecord(classIndex);
    let magazine = meta[owner + SLL_HEAD] as number;
    while (magazine > 0) {
      if (++walked > MAGAZINE_COUNT)
        throw corrupted("magazines", 0, "a list without end", "an end");
      const next = meta[magazine] as number;
      const bottom = emptyTop(magazine, mask, meta[owner + CLASS_CAP] as number);
      image.slabSource.returnBlocks(image, classIndex, bottom, magazine + mask);
      giveSpare(meta, magazine);
      magazine = next;
    }
    meta[owner + SLL_HEAD] = 0;
  }
  meta[SLL_BLOCKS] = 0;
}

/** Returns every cached block to its slab: the SLL's and the front cache's. */
export function drainAll(image: Image): void {
  const { meta } = image;
  const mask = meta[MAGAZINE_MASK] as number;
  drainSll(image);
  image.slabSource.settle(image);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    if (meta[TAKE_TOPS + classIndex] === NO_TAKE_TOP) continue;
    const cap = meta[classRecord(classIndex) + CLASS_CAP] as number;
    for (let tops = PUT_TOPS; tops <= TAKE_TOPS; tops += TAKE_TOPS - PUT_TOPS) {
      const top = meta[tops + classIndex] as number;
      const bottom = emptyTop(topToMagazine(top, mask), mask, cap);
      image.slabSource.returnBlocks(image, classIndex, bottom, top);
      meta[tops + classIndex] = bottom;
    }
  }
}

/** Gives a class that is used for the first time its two magazines. */
export function openMagazines(image: Image, live: number): void {
  const { meta } = image;
  const mask = meta[MAGAZINE_MASK] as number;
  const cap = meta[classRecord(headerClass(live)) + CLASS_CAP] as number;
  meta[live] = emptyTop(takeSpare(image), mask, cap);
  meta[live - LIVE_TO_CACHED] = emptyTop(takeSpare(image), mask, cap);
}

/** An empty magazine; the SLL is drained if there is none. */
export function takeSpare(image: Image): number {
  const { meta } = image;
  const fresh = meta[SPARE_NEXT] as number;
  const isUsedUp = fresh >= (meta[END_MAGAZINE] as number);
  if (isUsedUp && meta[SPARE_HEAD] === 0) drainSll(image);
  const spare = meta[SPARE_HEAD] as number;
  if (spare !== 0) meta[SPARE_HEAD] = meta[spare] as number;
  else meta[SPARE_NEXT] = fresh + (meta[MAGAZINE_MASK] as number) + 1;
  return spare !== 0 ? spare : fresh;
}

/** A spare's slots are zeroed: which one is the lowest depends on the class that takes it next. */
function giveSpare(meta: Int32Array, magazine: number): void {
  meta.fill(0, magazine + 1, magazine + (meta[MAGAZINE_MASK] as number) + 1);
  meta[magazine] = meta[SPARE_HEAD] as number;
  meta[SPARE_HEAD] = magazine;
}

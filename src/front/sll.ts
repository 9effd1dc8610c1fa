import { linkPartial, retireSlab } from "../central/slabs.js";
import { FREE, GRANULE_SHIFT, toHeader } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  blocksPerSlab,
  CARVED,
  CLASS_CAP,
  classRecord,
  counterIndex,
  DRAINED,
  DRAINS,
  emptyTop,
  FREE_COUNT,
  MAGAZINE_SLOTS,
  PUT_TOPS,
  ptrToSlab,
  SLL_BLOCKS,
  SLL_HEAD,
  SPARE_HEAD,
  slabRecord,
  TAKE_TOPS,
  topToCount,
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
  const cap = meta[owner + CLASS_CAP] as number;
  const magazine = meta[owner + SLL_HEAD] as number;
  meta[owner + SLL_HEAD] = meta[magazine * MAGAZINE_SLOTS] as number;
  meta[SLL_BLOCKS] = (meta[SLL_BLOCKS] as number) - cap;
  giveSpare(meta, topToMagazine(meta[live] as number));
  meta[live] = emptyTop(magazine, cap) + cap;
}

/** Returns every block of the SLL to its slab, and slabs that become empty to the pool. */
export function drainSll(image: Image): void {
  const { counters, meta } = image;
  counters[DRAINS] = (counters[DRAINS] as number) + 1;
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const owner = classRecord(classIndex);
    const cap = meta[owner + CLASS_CAP] as number;
    let magazine = meta[owner + SLL_HEAD] as number;
    while (magazine > 0) {
      const next = meta[magazine * MAGAZINE_SLOTS] as number;
      const bottom = emptyTop(magazine, cap);
      returnBlocks(image, classIndex, bottom, bottom + cap);
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
  drainSll(image);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const cap = meta[classRecord(classIndex) + CLASS_CAP] as number;
    for (let tops = PUT_TOPS; tops <= TAKE_TOPS; tops += TAKE_TOPS - PUT_TOPS) {
      const top = meta[tops + classIndex] as number;
      const bottom = top - topToCount(top, cap);
      returnBlocks(image, classIndex, bottom, top);
      meta[tops + classIndex] = bottom;
    }
  }
}

/** Returns the blocks in the slots above `bottom` up to `top` to their slabs. */
function returnBlocks(image: Image, classIndex: number, bottom: number, top: number): void {
  const { counters, headers, meta } = image;
  const freeHeader = toHeader(FREE, classIndex);
  const capacity = blocksPerSlab(classIndex);
  for (let slot = bottom + 1; slot <= top; slot++) {
    const ptr = meta[slot] as number;
    const slab = ptrToSlab(ptr);
    const record = slabRecord(slab);
    const free = (meta[record + FREE_COUNT] as number) + 1;
    const carved = meta[record + CARVED] as number;
    headers[ptr >>> GRANULE_SHIFT] = freeHeader;
    meta[record + FREE_COUNT] = free;
    if (free === 1 && carved === capacity) linkPartial(meta, slab, classIndex);
    if (free === carved) retireSlab(image, slab, classIndex);
  }
  const drained = counterIndex(classIndex, DRAINED);
  counters[drained] = (counters[drained] as number) + (top - bottom);
}

/** A spare's slots are zeroed: which one is the lowest depends on the class that takes it next. */
function giveSpare(meta: Int32Array, magazine: number): void {
  const start = magazine * MAGAZINE_SLOTS;
  meta.fill(0, start + 1, start + MAGAZINE_SLOTS);
  meta[start] = meta[SPARE_HEAD] as number;
  meta[SPARE_HEAD] = magazine;
}

import {
  CACHED, CLASS_MASK, FREE, GRANULE_SHIFT, headerState, QUEUED, toHeader,
} from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  CARVED, CLASS_CAP, CLASS_QUEUED, classRecord, DRAIN_INTERVAL, emptyTop, FREE_COUNT,
  FRONT_CACHE_MASK, ptrToSlab, SLL_COUNT, SLL_HEAD, slabRecord,
} from "../layout/metadata.js";
import { linkPartial, retireSlab } from "../central/slabs.js";
import { blocksPerSlab } from "./refill.js";

/** Makes room in a full front cache: its older half goes on the SLL, which is drained when due. */
export function spill(image: Image, liveHeader: number): void {
  const { headers, i32, meta } = image;
  const classIndex = liveHeader & CLASS_MASK;
  const owner = classRecord(classIndex);
  const cap = meta[owner + CLASS_CAP] as number;
  const bottom = emptyTop(classIndex, cap);
  const count = (cap + 1) >> 1;
  const queuedHeader = toHeader(QUEUED, classIndex);
  let head = meta[SLL_HEAD] as number;
  for (let entry = bottom + 1; entry <= bottom + count; entry++) {
    const ptr = meta[entry] as number;
    headers[ptr >>> GRANULE_SHIFT] = queuedHeader;
    i32[ptr >> 2] = head;
    head = ptr;
  }
  meta[SLL_HEAD] = head;
  const pending = (meta[SLL_COUNT] as number) + count;
  meta[SLL_COUNT] = pending;
  for (let entry = bottom + 1; entry <= bottom + cap - count; entry++) {
    meta[entry] = meta[entry + count] as number;
  }
  meta[liveHeader] = bottom + cap - count;
  const interval = meta[DRAIN_INTERVAL] as number;
  if (interval !== 0 && pending >= interval) drainSll(image);
}

/** Returns every block of the SLL to its slab, and slabs that become empty to the pool. */
export function drainSll(image: Image): void {
  const { headers, i32, meta } = image;
  let ptr = meta[SLL_HEAD] as number;
  let count = meta[SLL_COUNT] as number;
  while (count > 0) {
    const granule = ptr >>> GRANULE_SHIFT;
    const header = headers[granule] as number;
    if (headerState(header) !== QUEUED || header === 0 || (ptr & 15) !== 0) break;
    const next = i32[ptr >> 2] as number;
    headers[granule] = header | FREE;
    returnBlock(image, ptr, header);
    ptr = next;
    count--;
  }
  meta[SLL_HEAD] = 0;
  meta[SLL_COUNT] = 0;
  //if (count > 0) sweep
  if (count > 0) throw new Error("corrupt sll");
}

export function returnBlock(image: Image, ptr: number, classIndex: number): void {
  const { meta } = image;
  const slab = ptrToSlab(ptr);
  const record = slabRecord(slab);
  const free = (meta[record + FREE_COUNT] as number) + 1;
  const carved = meta[record + CARVED] as number;
  meta[record + FREE_COUNT] = free;
  if (free === 1 && carved === blocksPerSlab(classIndex)) linkPartial(meta, slab, classIndex);
  if (free === carved) retireSlab(image, slab, classIndex);
}
void CACHED; void FRONT_CACHE_MASK; void CLASS_QUEUED;

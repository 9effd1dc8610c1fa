import type { Heap, Ptr } from "../../../src/index.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import { headerClass } from "../../../src/layout/header.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { ptrToSlab, slabToPtr } from "../../../src/layout/units.js";
import type { HeapViews } from "../../../src/layout/views.js";
import { at, smallHeap, viewsOf } from "../help.js";

/** A heap with one of everything, and where it all is. */
export interface Town {
  heap: Heap<ArrayBuffer>;
  views: HeapViews;
  headers: Uint8Array;
  meta: Int32Array;
  /** Live blocks of 64 bytes; more of the slab is cached, the rest uncarved. */
  small: Ptr[];
  smallClass: number;
  smallSlab: number;
  /** A live block of 2048 bytes in a slab with one free block. */
  pool: Ptr;
  poolClass: number;
  poolSlab: number;
  /** A span of 4 slabs, then a free run of 2, then a span of 2. */
  span: Ptr;
  freeRun: number;
  tail: Ptr;
}

export function town(): Town {
  const heap = smallHeap({ capacity: 2 ** 21 });
  const pool = heap.malloc(2048);
  heap.malloc(2048);
  heap.malloc(2048);
  heap.drain();
  const small = Array.from({ length: 10 }, () => heap.malloc(64));
  const span = heap.malloc(200000);
  const gap = heap.malloc(100000);
  const tail = heap.malloc(70000);
  heap.free(gap);
  heap.verify();
  const views = viewsOf(heap);
  const { headers, meta } = views;
  const classAt = (ptr: number): number => headerClass(at(headers, ptr >>> 4));
  return {
    heap,
    views,
    headers,
    meta,
    small,
    smallClass: classAt(at(small, 0)),
    smallSlab: ptrToSlab(at(small, 0)),
    pool,
    poolClass: classAt(pool),
    poolSlab: ptrToSlab(pool),
    span,
    freeRun: ptrToSlab(gap),
    tail,
  };
}

/** Returns the index of a word of a slab's record. */
export function field(slab: number, name: number): number {
  return slabRecord.at(slab) + name;
}

export function ofClass(classIndex: number, name: number): number {
  return classRecord.at(classIndex) + name;
}

/** Returns the first byte of a slab. */
export function byteOf(slab: number): number {
  return slabToPtr(slab);
}

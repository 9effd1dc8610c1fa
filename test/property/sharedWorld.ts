import { expect } from "vitest";
import { HeapError } from "../../src/base/errors.js";
import type { Ptr } from "../../src/base/types.js";
import { recoverWorker } from "../../src/heap/recover.js";
import { type Heap, SharedHeap, type SharedHeapOptions } from "../../src/index.js";
import type { SharedViews } from "../../src/layout/sharedViews.js";
import { Oracle } from "../support/oracle.js";

const SLAB_BYTES = 65536;
const NOBODY = -1;

export function sharedViewsOf(heap: SharedHeap): SharedViews {
  return (heap as unknown as { shared: SharedViews }).shared;
}

/** The oracle knows the calls that both kinds of heap have. */
function asHeap(heap: SharedHeap): Heap {
  return heap as unknown as Heap;
}

/** Several workers in one thread, an oracle, and who holds each live block. */
export class SharedWorld {
  handles: SharedHeap[];
  readonly oracle: Oracle;
  readonly sizes: readonly number[];
  /** By live ptr. */
  private readonly holders = new Map<number, number>();
  /** Blocks that were handed over, or whose worker left: they have a mark. */
  private readonly marked = new Set<number>();

  constructor(options: Partial<SharedHeapOptions>, workers: number, sizes: readonly number[]) {
    const first = SharedHeap.create(options);
    this.handles = [first];
    while (this.handles.length < workers) this.handles.push(SharedHeap.attach(first.buffer));
    this.oracle = new Oracle(asHeap(first));
    this.sizes = sizes;
  }

  handle(number: number): SharedHeap {
    return this.handles[number % this.handles.length] as SharedHeap;
  }

  ptr(number: number): Ptr | undefined {
    const { ptrs } = this.oracle;
    return ptrs.length === 0 ? undefined : (ptrs[number % ptrs.length] as Ptr);
  }

  size(number: number): number {
    const favourite = this.sizes[number % this.sizes.length] as number;
    return number % 5 === 0 ? (number >>> 8) % 3000 : favourite;
  }

  /** What the action returns; undefined if memory is exhausted. */
  private orExhausted<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (error instanceof HeapError && error.code === "ERR_HEAP_EXHAUSTED") return undefined;
      throw error;
    }
  }

  malloc(by: number, number: number): void {
    const heap = this.handle(by);
    const size = this.size(number);
    const ptr = heap.tryMalloc(size);
    if (ptr !== 0) this.allocated(heap, ptr, size);
  }

  hotMalloc(by: number, number: number): void {
    const heap = this.handle(by);
    const size = this.size(number);
    const ptr = this.orExhausted(() => heap.malloc(size));
    if (ptr !== undefined) this.allocated(heap, ptr, size);
  }

  calloc(by: number, number: number): void {
    const heap = this.handle(by);
    const size = this.size(number);
    const ptr = this.orExhausted(() => heap.calloc(size));
    if (ptr === undefined) return;
    this.oracle.allocatedZeroed(ptr, size);
    this.holders.set(ptr, heap.workerId);
  }

  aligned(by: number, number: number): void {
    const heap = this.handle(by);
    const size = this.size(number);
    const alignment = 2 ** ((number >>> 4) % 17);
    const ptr = this.orExhausted(() => heap.alignedAlloc(alignment, size));
    if (ptr !== undefined) this.allocated(heap, ptr, size, alignment);
  }

  free(by: number, which: number): void {
    const ptr = this.ptr(which);
    if (ptr === undefined) return;
    const heap = this.handle(by);
    this.oracle.check(ptr);
    heap.free(ptr);
    this.freed(ptr);
    expect(() => heap.free(ptr)).toThrow(HeapError);
  }

  realloc(by: number, which: number, number: number): void {
    const ptr = this.ptr(which);
    if (ptr === undefined) return;
    const heap = this.handle(by);
    const size = this.size(number);
    const isSpan = this.oracle.usableOf(ptr) > SLAB_BYTES;
    const to = this.orExhausted(() => heap.realloc(ptr, size));
    // Whoever resizes a span that is not marked holds it from then on, even if there is no room.
    const isTaken = isSpan && size > SLAB_BYTES && !this.marked.has(ptr);
    if (to === undefined) {
      if (isTaken) this.holders.set(ptr, heap.workerId);
      return;
    }
    this.oracle.reallocated(ptr, to, size);
    const holder = this.holders.get(ptr) as number;
    const isKept = to === ptr && !isTaken;
    if (to !== ptr) {
      this.holders.delete(ptr);
      this.marked.delete(ptr);
    }
    this.holders.set(to, isKept ? holder : heap.workerId);
  }

  batch(by: number, number: number, freeBy: number): void {
    const heap = this.handle(by);
    const size = this.size(number);
    const out: number[] = [];
    const count = (number >>> 3) % 70;
    if (this.orExhausted(() => heap.mallocBatch(size, count, out) ?? true) === undefined) return;
    for (const ptr of out) this.allocated(heap, ptr, size);
    const half = out.filter((_, index) => index % 2 === 0);
    this.handle(freeBy).freeBatch(half, half.length);
    for (const ptr of half) this.freed(ptr);
  }

  freeMany(by: number, number: number): void {
    const heap = this.handle(by);
    const count = Math.min(this.oracle.count, number % 300);
    const ptrs = this.oracle.ptrs.slice(0, count);
    for (const ptr of ptrs) this.oracle.check(ptr);
    heap.freeBatch(ptrs, count);
    for (const ptr of ptrs) this.freed(ptr);
  }

  drain(by: number): void {
    this.handle(by).drain();
  }

  reattach(by: number): void {
    const place = by % this.handles.length;
    const heap = this.handle(by);
    heap.detach();
    this.disown(heap.workerId);
    expect(() => heap.malloc(8)).toThrow(HeapError);
    this.replace(place);
  }

  /** A worker begins in the place of one that left or died. */
  private replace(place: number): void {
    const heap = SharedHeap.attach((this.handles[0] as SharedHeap).buffer);
    this.handles[place] = heap;
    this.oracle.attach(asHeap(heap));
  }

  /** What a worker held is nobody's from now on. */
  private disown(worker: number): void {
    for (const [ptr, holder] of this.holders) {
      if (holder !== worker) continue;
      this.holders.set(ptr, NOBODY);
      // An abandoned span has no mark: whoever resizes it holds it.
      if (this.oracle.usableOf(ptr) <= SLAB_BYTES) this.marked.add(ptr);
    }
  }

  handOver(which: number, to: number): void {
    const ptr = this.ptr(which);
    if (ptr === undefined) return;
    const heap = this.handles.find(({ workerId }) => workerId === this.holders.get(ptr));
    if (heap === undefined) return;
    const target = this.handle(to).workerId;
    heap.handOver(ptr, target);
    this.holders.set(ptr, target);
    this.marked.add(ptr);
  }

  /** A handle is left as it is, and recovered by another. */
  die(by: number, other: number, freeLive: boolean): void {
    if (this.handles.length < 2) return;
    const place = by % this.handles.length;
    const dead = this.handle(by).workerId;
    const heap = this.handle(place + 1 + (other % (this.handles.length - 1)));
    const held = [...this.holders].filter(([, holder]) => holder === dead).map(([ptr]) => ptr);
    const { live } = recoverWorker(sharedViewsOf(heap), dead, freeLive);
    const order = (a: number, b: number): number => a - b;
    expect([...live].sort(order)).toEqual(held.sort(order));
    if (freeLive) for (const ptr of held) this.freed(ptr);
    else this.disown(dead);
    this.replace(place);
  }

  restore(by: number): void {
    const workers = this.handles.length;
    const copy = SharedHeap.restore(this.handle(by).snapshot());
    for (const heap of this.handles) heap.detach();
    this.handles = [copy];
    while (this.handles.length < workers) this.handles.push(SharedHeap.attach(copy.buffer));
    this.oracle.attach(asHeap(copy));
    for (let worker = 0; worker < copy.maxWorkers; worker++) this.disown(worker);
    copy.verify();
    this.oracle.checkAll();
  }

  /** Conservation, while blocks are anywhere. */
  check(): void {
    const heap = this.handle(0);
    heap.verify();
    const stats = heap.stats();
    expect(stats.live.blocks).toBe(this.oracle.count);
    const { live, cached, free, inTransit, uncarvedBytes, spans } = stats;
    let tails = 0;
    for (const own of stats.classes) tails += own.slabs * (SLAB_BYTES % own.blockBytes);
    const classSlabs = stats.classes.reduce((sum, own) => sum + own.slabs, 0);
    const blocks = live.bytes - spans.bytes + cached.bytes + free.bytes + inTransit.bytes;
    expect(blocks + uncarvedBytes + tails).toBe(classSlabs * SLAB_BYTES);
  }

  /** Frees everything, each block by some worker: every slab must come back. */
  finish(): void {
    this.check();
    this.oracle.checkAll();
    this.oracle.ptrs.slice().forEach((ptr, index) => {
      this.handle(index).free(ptr as Ptr);
      this.freed(ptr);
    });
    for (const heap of this.handles) heap.drain();
    for (const heap of this.handles) heap.drain();
    this.check();
    const { slabs, cached, free, inTransit } = this.handle(0).stats();
    expect([slabs.inUse, cached.blocks, free.blocks, inTransit.blocks]).toEqual([0, 0, 0, 0]);
    this.oracle.conservation(asHeap(this.handle(0)));
  }

  private allocated(heap: SharedHeap, ptr: number, size: number, alignment = 16): void {
    this.oracle.allocated(ptr, size, alignment);
    this.holders.set(ptr, heap.workerId);
  }

  private freed(ptr: number): void {
    this.oracle.freed(ptr);
    this.holders.delete(ptr);
    this.marked.delete(ptr);
  }
}

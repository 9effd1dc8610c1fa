import { expect } from "vitest";
import { Heap, type Ptr } from "../../src/index.js";
import { badArguments, badFreeBatch, badPointer, badSize, disposedCalls } from "./misuse.js";
import { SLAB_BYTES, type World } from "./world.js";

/** A command: what it does to a world, by three numbers that decide the details. */
export type Command = (world: World, a: number, b: number, c: number) => void;

function malloc(world: World, a: number): void {
  const size = world.size(a);
  const ptr = world.tryTake(size, 1, () => world.heap.malloc(size));
  if (ptr !== null) world.oracle.allocated(ptr, size);
}

function tryMalloc(world: World, a: number): void {
  const size = world.size(a);
  const ptr = world.tryTake(size, 1, () => world.heap.tryMalloc(size));
  if (ptr !== null) world.oracle.allocated(ptr, size);
}

function calloc(world: World, a: number): void {
  const size = world.size(a);
  const ptr = world.tryTake(size, 1, () => world.heap.calloc(size));
  if (ptr !== null) world.oracle.allocatedZeroed(ptr, size);
}

function alignedAlloc(world: World, a: number, b: number): void {
  const size = world.size(a);
  const alignment = 2 ** (b % 17);
  const ptr = world.tryTake(size, alignment, () => world.heap.alignedAlloc(alignment, size));
  if (ptr !== null) world.oracle.allocated(ptr, size, alignment);
}

function realloc(world: World, a: number, b: number): void {
  const { heap, oracle } = world;
  if (oracle.count === 0 || b % 16 === 0) {
    const size = world.size(a);
    const ptr = world.tryTake(size, 1, () => heap.realloc(0 as Ptr, size));
    if (ptr !== null) oracle.allocated(ptr, size);
    return;
  }
  const ptr = world.livePtr(b);
  const before = oracle.sizeOf(ptr);
  const nearby = Math.max(0, before - 40 + (a % 81));
  const size = b % 4 === 1 ? Math.min(nearby, world.largest) : world.size(a);
  oracle.check(ptr);
  const usable = oracle.usableOf(ptr);
  const to = world.tryTake(size, 1, () => heap.realloc(ptr, size));
  if (to === null) {
    oracle.check(ptr);
    return;
  }
  oracle.reallocated(ptr, to, size);
  if (to === ptr) return;
  world.freedPtrs.push(ptr);
  // The new block may lie in the slabs of a span that moved: only then is the old one touched.
  const isPoisoned = heap.options.safeFree && !oracle.touchesLive(ptr, ptr + usable);
  if (isPoisoned) expect(heap.u8[ptr + usable - 1]).toBe(0xde);
}

function free(world: World, a: number): void {
  world.heap.free(0 as Ptr);
  if (world.oracle.count > 0) world.free(world.livePtr(a));
}

/** Many blocks of one size, as a program's loop does. */
function mallocMany(world: World, a: number, b: number): void {
  const size = world.size(a);
  const count = b % (size > 4096 ? 20 : 700);
  for (let done = 0; done < count; done++) {
    const ptr = world.tryTake(size, 1, () => world.heap.malloc(size));
    if (ptr === null) return;
    world.oracle.allocated(ptr, size);
  }
}

/** Frees many: in order of address, newest first, or at random. */
function freeMany(world: World, a: number, b: number, c: number): void {
  const { ptrs } = world.oracle;
  const count = c % 8 === 0 ? ptrs.length : Math.min(ptrs.length, b % 900);
  const order = a % 3;
  if (order === 0) {
    const sorted = ptrs.slice().sort((left, right) => left - right);
    const start = c % (ptrs.length - count + 1);
    for (const ptr of sorted.slice(start, start + count)) world.free(ptr as Ptr);
    return;
  }
  for (let done = 0, state = c; done < count; done++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const place = order === 1 ? ptrs.length - 1 : (state >>> 3) % ptrs.length;
    world.free(ptrs[place] as Ptr);
  }
}

function mallocBatch(world: World, a: number, b: number, c: number): void {
  const { heap, oracle } = world;
  const size = world.size(a);
  const count = b % (size > 4096 ? 20 : 400);
  const out = c % 2 === 0 ? new Int32Array(count + (c % 3)) : [];
  const taken = world.tryTakeBatch(() => heap.mallocBatch(size, count, out));
  for (let index = 0; taken && index < count; index++) {
    oracle.allocated(out[index] as number, size);
  }
}

function freeBatch(world: World, a: number, b: number, c: number): void {
  const { heap, oracle } = world;
  const count = Math.min(oracle.count, b % 400);
  const start = c % (oracle.count - count + 1);
  const ptrs = oracle.ptrs.slice(start, start + count);
  for (const ptr of ptrs) oracle.check(ptr);
  const list = a % 3 === 0 ? ptrs.concat(0) : ptrs;
  heap.freeBatch(a % 2 === 0 ? list : Uint32Array.from(list), list.length);
  for (const ptr of ptrs) {
    oracle.freed(ptr);
    world.freedPtrs.push(ptr);
  }
}

function inspect(world: World, a: number, b: number): void {
  const { heap, oracle } = world;
  if (oracle.count === 0) return;
  const ptr = world.livePtr(a);
  const usable = oracle.usableOf(ptr);
  expect(heap.usableSize(ptr)).toBe(usable);
  const tier = usable <= 1024 ? "tiny" : usable <= 32768 ? "pool" : "large";
  expect(heap.classify(ptr)).toBe(tier);
  const view = heap.bytes(ptr);
  expect([view.buffer, view.byteOffset, view.length]).toEqual([heap.buffer, ptr, usable]);
  expect(heap.bytes(ptr, b % (usable + 1)).length).toBe(b % (usable + 1));
  oracle.check(ptr);
}

function walk(world: World): void {
  world.conservation();
}

function verify(world: World): void {
  world.verify();
}

/** After a drain nothing is cached, and no slab without a live block is in use. */
function drain(world: World): void {
  world.heap.drain();
  const stats = world.conservation();
  expect(stats.cached.blocks).toBe(0);
  const used = new Set<number>();
  for (const ptr of world.oracle.ptrs) {
    const end = ptr + world.oracle.usableOf(ptr);
    for (let slab = ptr >>> 16; slab * SLAB_BYTES < end; slab++) used.add(slab);
  }
  expect(stats.slabs.inUse).toBe(used.size);
}

function reset(world: World, a: number): void {
  if (a % 4 !== 0) return;
  const before = world.heap.stats();
  world.heap.reset();
  world.oracle.reset();
  const after = world.conservation();
  expect(after.peakCommittedBytes).toBeLessThanOrEqual(before.peakCommittedBytes);
  expect(after.cached.blocks + after.free.blocks + after.slabs.inUse).toBe(0);
}

/** Goes on in the restored copy; the old heap is overwritten to show that nothing is shared. */
function snapshot(world: World): void {
  world.settle();
  const bytes = world.heap.snapshot();
  const before = world.heap;
  const { peakCommittedBytes } = before.stats();
  world.switchTo(Heap.restore(bytes));
  before.u8.fill(0xff);
  world.verify();
  const after = world.conservation();
  expect(after.peakCommittedBytes).toBeLessThanOrEqual(peakCommittedBytes);
  world.staleViews.length = 0;
}

/** Opens the heap's buffer again, as a rule after its disposal. */
function reopen(world: World, a: number, b: number): void {
  const { heap } = world;
  world.settle();
  if (b % 4 !== 0) {
    heap[Symbol.dispose]();
    heap[Symbol.dispose]();
    disposedCalls(world);
  }
  world.switchTo(Heap.open(a % 2 === 0 ? heap.buffer : { buffer: heap.buffer }));
  world.verify();
}

/**
 * Writes through a view of a freed block, where no live block is by now: anything, or over a link a
 * ptr that was freed, which may be cached.
 */
function staleWrite(world: World, a: number, b: number): void {
  const view = world.staleViews.pop();
  if (view === undefined) return;
  const start = view.byteOffset;
  if (world.oracle.touchesLive(start, start + view.length)) return;
  const { freedPtrs, heap } = world;
  if (b % 4 === 0) {
    for (let at = 0; at < view.length; at += 1 + (b % 5)) view[at] = (a >>> (at % 24)) ^ at;
  } else {
    heap.i32[(start >> 2) + (b & 1)] = freedPtrs[a % freedPtrs.length] as number;
  }
  world.hasStaleLinks = true;
  if (b % 3 === 0) world.verify();
}

/** Every command, and how often it is drawn. */
export const COMMANDS: readonly (readonly [string, number, Command])[] = [
  ["malloc", 12, malloc],
  ["tryMalloc", 4, tryMalloc],
  ["calloc", 4, calloc],
  ["alignedAlloc", 4, alignedAlloc],
  ["realloc", 12, realloc],
  ["free", 12, free],
  ["mallocMany", 4, mallocMany],
  ["freeMany", 4, freeMany],
  ["mallocBatch", 3, mallocBatch],
  ["freeBatch", 3, freeBatch],
  ["badFreeBatch", 2, badFreeBatch],
  ["badPointer", 4, badPointer],
  ["badSize", 2, badSize],
  ["badArguments", 1, badArguments],
  ["inspect", 4, inspect],
  ["walk", 1, walk],
  ["verify", 1, verify],
  ["drain", 1, drain],
  ["reset", 1, reset],
  ["snapshot", 1, snapshot],
  ["reopen", 1, reopen],
  ["staleWrite", 4, staleWrite],
];

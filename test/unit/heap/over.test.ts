import { describe, expect, test } from "vitest";
import { Heap, type HeapMemory } from "../../../src/index.js";
import { fill, fingerprint, SMALL_BYTES, smallHeap, thrown, wrong } from "../help.js";

type Memory = { readonly buffer: ArrayBufferLike; grow(pages: number): number };
type MemoryMaker = { Memory: new (options: object) => Memory };
const { Memory } = (globalThis as unknown as { WebAssembly: MemoryMaker }).WebAssembly;

const KINDS: [string, (bytes: number) => HeapMemory<ArrayBufferLike>][] = [
  ["an ArrayBuffer", (bytes) => new ArrayBuffer(bytes)],
  ["a SharedArrayBuffer", (bytes) => new SharedArrayBuffer(bytes)],
  ["a WebAssembly.Memory", (bytes) => new Memory({ initial: bytes / 65536 })],
  [
    "a shared WebAssembly.Memory",
    (bytes) => new Memory({ initial: bytes / 65536, maximum: bytes / 65536, shared: true }),
  ],
];
/** A fingerprint of all that lies below the slabs. */
const metadataOf = (heap: Heap): number => fingerprint(heap.buffer, heap.stats().metadataBytes);
const bufferIn = (memory: HeapMemory): ArrayBufferLike =>
  "buffer" in memory ? memory.buffer : memory;

describe.each(KINDS)("over %s", (_name, make) => {
  test("clean or dirty, the heap is the same", () => {
    const clean = Heap.create({ capacity: 2 ** 20, fastCap: 20 });
    const memory = make(2 ** 20);
    new Uint8Array(bufferIn(memory)).fill(0xa5);
    const heap = Heap.over(memory, { fastCap: 20 });
    expect(metadataOf(heap)).toBe(metadataOf(clean));
    expect(heap.buffer).toBe(bufferIn(memory));
    expect(heap.options).toEqual(clean.options);
    heap.verify();
    for (const size of [16, 5000, 100000]) expect(heap.malloc(size)).toBe(clean.malloc(size));
    expect(metadataOf(heap)).toBe(metadataOf(clean));
    const ptr = heap.calloc(3000);
    expect(heap.bytes(ptr, 3000).every((byte) => byte === 0)).toBe(true);
    heap.verify();
  });

  test("open finds what was left there", () => {
    const memory = make(SMALL_BYTES);
    const heap = Heap.over(memory, { wrapTiny: false, sllDrainInterval: 7 });
    const ptr = heap.malloc(100);
    heap.u8[ptr] = 77;
    heap[Symbol.dispose]();
    const again = Heap.open(memory);
    expect(again.options).toEqual(heap.options);
    expect(again.u8[ptr]).toBe(77);
    expect(again.usableSize(ptr)).toBe(1280);
    again.free(ptr);
    again.verify();
  });

  test("open without dispose takes over caches as they are", () => {
    const memory = make(SMALL_BYTES);
    const heap = Heap.over(memory);
    const { unused } = heap.stats().slabs;
    const ptrs = Array.from({ length: 2000 }, () => heap.malloc(32));
    for (const ptr of ptrs) heap.free(ptr);
    const again = Heap.open(memory);
    expect(again.stats()).toEqual(heap.stats());
    expect(new Set(fill(again, 32)).size).toBe(unused * 2048);
    again.verify();
  });
});

test.each([1, 15, 65535, 65537, 100000])("%i bytes beyond whole slabs are left alone", (extra) => {
  const buffer = new ArrayBuffer(SMALL_BYTES + extra);
  const heap = Heap.over(buffer);
  expect(heap.options.capacity).toBe(SMALL_BYTES + extra - (extra % 65536));
  expect(heap.u8.byteLength).toBe(heap.options.capacity);
  expect(heap.stats().capacityBytes).toBe(heap.options.capacity);
  const tail = new Uint8Array(buffer, heap.options.capacity);
  tail.fill(9);
  const ptrs = fill(heap, 65536);
  for (const ptr of ptrs) heap.bytes(ptr).fill(1);
  expect(tail.every((byte) => byte === 9)).toBe(true);
  const again = Heap.open(buffer);
  expect(again.options.capacity).toBe(heap.options.capacity);
  again.verify();
});

test("two heaps in one process do not disturb each other", () => {
  const [a, b] = [smallHeap(), smallHeap({ fastCap: 3, sllDrainInterval: 1 })];
  const before = fingerprint(b.buffer);
  const ptrs = Array.from({ length: 3000 }, () => a.malloc(48));
  expect(fingerprint(b.buffer)).toBe(before);
  const others = Array.from({ length: 3000 }, () => b.malloc(48));
  for (let index = 0; index < 3000; index++) {
    a.free(wrong(ptrs[index]));
    b.free(wrong(others[2999 - index]));
  }
  a.verify();
  b.verify();
  a[Symbol.dispose]();
  b.free(b.malloc(5));
});

test("over wipes a heap that was there", () => {
  const heap = smallHeap();
  heap.malloc(100000);
  const again = Heap.over(heap.buffer);
  expect(again.stats().live.blocks).toBe(0);
  expect(metadataOf(again)).toBe(metadataOf(smallHeap()));
});

test("a heap whose buffer was detached refuses every call", () => {
  const memory = new Memory({ initial: 16, maximum: 64 });
  const heap = Heap.over(memory);
  const ptr = heap.malloc(64);
  memory.grow(1);
  const buffer = new ArrayBuffer(SMALL_BYTES);
  const moved = Heap.over(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  for (const gone of [heap, moved]) {
    const calls = [
      () => gone.malloc(64),
      () => gone.malloc(0),
      () => gone.tryMalloc(70000),
      () => gone.calloc(8),
      () => gone.free(ptr),
      () => gone.realloc(ptr, 8),
      () => gone.alignedAlloc(64, 8),
      () => gone.usableSize(ptr),
      () => gone.stats(),
      () => gone.drain(),
      () => gone.verify(),
    ];
    for (const call of calls) {
      expect(thrown(call, "ERR_HEAP_DISPOSED").message).toContain("detached");
    }
  }
});

import { describe, expect, test } from "vitest";
import { NULL, type Ptr } from "../../../src/index.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { at, SLAB, smallHeap, thrown } from "../help.js";

const sizes: number[] = [];
for (let size = 0; size <= 2100; size++) sizes.push(size);
for (const bytes of BLOCK_BYTES) sizes.push(bytes, bytes + 1, Math.max(0, bytes - 1));
sizes.push(65552, 70000, 131071, 131072, 131073, 196608, 250000);

test("malloc(0) gives distinct blocks that can be freed", () => {
  const heap = smallHeap();
  const ptrs = Array.from({ length: 1000 }, () => heap.malloc(0));
  expect(new Set(ptrs).size).toBe(1000);
  expect(ptrs).not.toContain(0);
  for (const ptr of ptrs) {
    expect(heap.usableSize(ptr)).toBe(16);
    expect(heap.bytes(ptr, 0)).toHaveLength(0);
    heap.free(ptr);
  }
  expect(heap.stats().live.blocks).toBe(0);
});

test("a block holds what was asked for, is aligned to 16, and wastes within bounds", () => {
  const heap = smallHeap({ capacity: 2 ** 20 });
  for (const size of sizes) {
    const ptr = heap.malloc(size);
    const usable = heap.usableSize(ptr);
    expect(ptr % 16).toBe(0);
    expect(usable).toBeGreaterThanOrEqual(size);
    if (size > 65536) expect(usable - size).toBeLessThan(16);
    else if (size > 128) expect((usable - size) / usable).toBeLessThan(0.2);
    else expect(usable - size).toBeLessThanOrEqual(16);
    expect(heap.bytes(ptr).byteLength).toBe(usable);
    expect(heap.bytes(ptr, size).byteOffset).toBe(ptr);
    const tier = usable <= 1024 ? "tiny" : usable <= 32768 ? "pool" : "large";
    expect(heap.classify(ptr)).toBe(tier);
    heap.free(ptr);
  }
  heap.verify();
});

test("a span's slabs waste less than a slab", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  for (let size = 65537; size < 700000; size += 7777) {
    const ptr = heap.malloc(size);
    expect(heap.stats().slabs.inUse * SLAB - size).toBeLessThan(SLAB);
    heap.free(ptr);
  }
});

test("blocks of a power of two are aligned to their size", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  for (let power = 16; power <= 65536; power *= 2) {
    const ptrs = Array.from({ length: 7 }, () => heap.malloc(power));
    for (const ptr of ptrs) expect(ptr % power).toBe(0);
    for (const ptr of ptrs) heap.free(ptr);
    heap.drain();
  }
});

test("live blocks of every class do not overlap", () => {
  const heap = smallHeap({ capacity: 2 ** 24 });
  const blocks: { ptr: Ptr; size: number }[] = [];
  for (let round = 0; round < 4; round++) {
    for (let index = 1; index <= CLASS_COUNT; index++) {
      const size = at(BLOCK_BYTES, index);
      blocks.push({ ptr: heap.malloc(size), size });
    }
    blocks.push({ ptr: heap.malloc(100000), size: 100000 });
  }
  blocks.sort((a, b) => a.ptr - b.ptr);
  for (let index = 1; index < blocks.length; index++) {
    const below = at(blocks, index - 1);
    expect(at(blocks, index).ptr).toBeGreaterThanOrEqual(below.ptr + below.size);
  }
});

describe("alignedAlloc", () => {
  test.each(Array.from({ length: 17 }, (_, shift) => 2 ** shift))("to %i", (alignment) => {
    const heap = smallHeap({ capacity: 2 ** 21 });
    for (const size of sizes.filter((_, index) => index % 13 === 0 || index > 2100)) {
      const ptr = heap.alignedAlloc(alignment, size);
      expect(ptr % alignment, `${size} bytes at ${ptr}`).toBe(0);
      expect(ptr % 16).toBe(0);
      expect(heap.usableSize(ptr)).toBeGreaterThanOrEqual(size);
      heap.free(ptr);
    }
    const many = Array.from({ length: 9 }, () => heap.alignedAlloc(alignment, 48));
    many.push(...Array.from({ length: 3 }, () => heap.alignedAlloc(alignment, 0)));
    for (const ptr of many) expect(ptr % alignment).toBe(0);
    for (const ptr of many) heap.free(ptr);
    heap.drain();
    expect(heap.stats().slabs.inUse).toBe(0);
    heap.verify();
  });
});

test("calloc gives zeros where others wrote before", () => {
  const heap = smallHeap({ capacity: 2 ** 20 });
  const all = heap.malloc(heap.stats().pooledBytes);
  heap.bytes(all).fill(0xff);
  heap.free(all);
  for (const size of [0, 1, 15, 16, 17, 100, 1000, 1025, 30000, 65536, 65537, 200001]) {
    for (let round = 0; round < 3; round++) {
      const ptr = heap.calloc(size);
      expect(heap.bytes(ptr, size).every((byte) => byte === 0)).toBe(true);
      heap.bytes(ptr).fill(0xff);
      heap.free(ptr);
    }
  }
});

test("free makes room for the next malloc of the size, newest first", () => {
  const heap = smallHeap();
  const [a = NULL, b = NULL] = [heap.malloc(100), heap.malloc(100)];
  heap.free(a);
  heap.free(b);
  expect(new Set([heap.malloc(100), heap.malloc(100)]).size).toBe(2);
  heap.verify();
});

test("fresh blocks are handed out in address order", () => {
  const heap = smallHeap();
  for (const size of [16, 48, 1000, 3000]) {
    const ptrs = Array.from({ length: 15 }, () => heap.malloc(size));
    const step = heap.usableSize(at(ptrs, 0));
    ptrs.forEach((ptr, index) => {
      expect(ptr).toBe(at(ptrs, 0) + index * step);
    });
  }
});

test("views of every kind see the same bytes", () => {
  const heap = smallHeap();
  const ptr = heap.alignedAlloc(64, 64);
  heap.f64[ptr >>> 3] = Math.PI;
  expect(heap.dataView.getFloat64(ptr, true)).toBe(Math.PI);
  heap.u32[ptr >>> 2] = 0xfedcba98;
  expect(heap.i32[ptr >>> 2]).toBe(0xfedcba98 | 0);
  expect(heap.u16[ptr >>> 1]).toBe(0xba98);
  expect(heap.i16[ptr >>> 1]).toBe(0xba98 - 65536);
  expect(heap.u8[ptr]).toBe(0x98);
  expect(heap.i8[ptr]).toBe(0x98 - 256);
  heap.u64[ptr >>> 3] = 2n ** 64n - 2n;
  expect(heap.i64[ptr >>> 3]).toBe(-2n);
  heap.f32[ptr >>> 2] = 0.5;
  expect(heap.bytes(ptr, 4)).toEqual(new Uint8Array([0, 0, 0, 0x3f]));
  for (const view of [heap.u8, heap.i8, heap.u16, heap.f32, heap.f64, heap.i64, heap.dataView]) {
    expect(view.byteOffset).toBe(0);
    expect(view.byteLength).toBe(524288);
    expect(view.buffer).toBe(heap.buffer);
  }
});

test("a view of a block reaches this block only, also after it is freed", () => {
  const heap = smallHeap();
  const [a = NULL, b = NULL] = [heap.malloc(32), heap.malloc(32)];
  const view = heap.bytes(a);
  expect(heap.bytes(a, undefined).byteLength).toBe(32);
  heap.bytes(b).fill(1);
  view.fill(9);
  view[32] = 7;
  expect(heap.bytes(b).every((byte) => byte === 1)).toBe(true);
  heap.free(a);
  view.fill(255);
  expect(heap.bytes(b).every((byte) => byte === 1)).toBe(true);
  // The view has overwritten a link, which is a hint: see staleViews.test.ts.
  thrown(() => heap.verify(), "ERR_HEAP_CORRUPTED");
  heap.drain();
  heap.verify();
});

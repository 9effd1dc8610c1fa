import { describe, expect, test } from "vitest";
import { OPTION_TABLE } from "../../../src/config/options.js";
import { Heap } from "../../../src/index.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import * as frontCache from "../../../src/layout/frontCache.js";
import { CLASS_COUNT, SPAN_CLASS } from "../../../src/layout/sizeClasses.js";
import { SPAN_TAIL } from "../../../src/layout/slabKind.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at, SMALL_BYTES, smallHeap, thrown, viewsOf } from "../help.js";

const FIELDS: [string, number][] = [
  ["magic", superblock.MAGIC],
  ["version", superblock.VERSION],
  ["fingerprint", superblock.FINGERPRINT],
  ["capacityBytes", superblock.CAPACITY_BYTES],
  ["firstSlab", superblock.FIRST_SLAB],
  ["endSlab", superblock.END_SLAB],
];

describe.each(FIELDS)("superblock field %s", (field, index) => {
  test.each([
    ["one more", (value: number) => value + 1],
    ["one less", (value: number) => value - 1],
    ["0", () => 0],
    ["negative", () => -1],
    ["huge", () => 2 ** 31 - 1],
    ["a bit flipped", (value: number) => value ^ (1 << 20)],
  ])("%s", (_name, change) => {
    const heap = smallHeap();
    heap.malloc(100);
    const { meta } = viewsOf(heap);
    const expected = at(meta, index);
    meta[index] = change(expected);
    const found = at(meta, index);
    const error = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
    expect(error.details).toEqual({ field, found, expected });
    expect(error.message).toBe(`not a heap image: ${field} is ${found}, expected ${expected}`);
  });
});

test.each([-1, 2, 2 ** 31 - 1])("superblock field closed, as %i", (value) => {
  const heap = smallHeap();
  viewsOf(heap).meta[superblock.CLOSED] = value;
  const { details } = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
  expect(details).toMatchObject({ field: "closed", found: value });
});

describe.each(OPTION_TABLE.map((row, index) => ({ ...row, index })))("option $name", (row) => {
  test("out of range", () => {
    for (const value of [row.min - 1, row.max + 1, -(2 ** 31)]) {
      const heap = smallHeap();
      viewsOf(heap).meta[superblock.OPTIONS + row.index] = value;
      const { details } = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
      expect(details).toMatchObject({ field: `option ${row.name}`, found: value });
    }
  });

  test("is read back", () => {
    if (row.name === "capacity") return;
    for (const value of [row.min, row.max]) {
      const given = { [row.name]: row.type === "switch" ? value === 1 : value };
      const heap = Heap.create({ capacity: 2 ** 20, ...given });
      heap[Symbol.dispose]();
      expect(Heap.open(heap.buffer).options).toEqual(heap.options);
    }
  });
});

test("another capacity option than the image's", () => {
  const heap = smallHeap();
  viewsOf(heap).meta[superblock.OPTIONS] = SMALL_BYTES + 65536;
  const { details } = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
  expect(details).toMatchObject({ field: "option capacity", expected: SMALL_BYTES });
});

test("caps and refill counts are what the options make of them", () => {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    for (const [field, name] of [
      ["classCap", classRecord.CAP],
      ["classRefill", classRecord.REFILL],
    ] as const) {
      const heap = smallHeap();
      const { meta } = viewsOf(heap);
      const index = classRecord.at(classIndex) + name;
      meta[index] = at(meta, index) + 1;
      const { details } = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
      expect(details.field).toBe(field);
    }
  }
});

test("a broken invariant is a bad image that names it", () => {
  for (const [index, value, field] of [
    [superblock.WILDERNESS, 99, "tiling"],
    [superblock.TOUCHED_PAGES, 1, "touched"],
    [superblock.SLL_BLOCKS, 1, "cached"],
  ] as const) {
    const heap = smallHeap();
    viewsOf(heap).meta[index] = value;
    const error = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
    expect(error.details).toMatchObject({ field });
    expect(error.message).toContain(`not a heap image: invariant ${field}`);
  }
});

test("truncated and foreign buffers", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  heap.malloc(5000);
  for (const bytes of [2 ** 21 - 65536, 2 ** 20, SMALL_BYTES]) {
    thrown(() => Heap.open(heap.buffer.slice(0, bytes)), "ERR_BAD_HEAP_IMAGE");
  }
  const longer = new ArrayBuffer(2 ** 21 + 65536);
  new Uint8Array(longer).set(heap.u8);
  thrown(() => Heap.open(longer), "ERR_BAD_HEAP_IMAGE");
  for (const byte of [0, 1, 0xff, 0x68]) {
    const buffer = new ArrayBuffer(2 ** 20);
    new Uint8Array(buffer).fill(byte);
    const { details } = thrown(() => Heap.open(buffer), "ERR_BAD_HEAP_IMAGE");
    expect(details.field).toBe("magic");
  }
  const shifted = new ArrayBuffer(2 ** 21);
  new Uint8Array(shifted).set(heap.u8.subarray(0, -1), 1);
  thrown(() => Heap.open(shifted), "ERR_BAD_HEAP_IMAGE");
});

test("refusing an image changes nothing in it", () => {
  const heap = smallHeap();
  heap[Symbol.dispose]();
  viewsOf(heap).meta[superblock.TOUCHED_PAGES] = 5;
  const before = heap.u8.slice();
  thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
  expect(Buffer.compare(before, heap.u8)).toBe(0);
});

describe("words that the hot paths trust", () => {
  test("codes that are no class have no chain and no room", () => {
    for (const code of [0, CLASS_COUNT + 1, SPAN_TAIL, SPAN_CLASS]) {
      for (const words of [frontCache.ROOMS, frontCache.HEADS]) {
        const heap = smallHeap();
        viewsOf(heap).meta[words + code] = 2000;
        thrown(() => heap.verify(), "ERR_HEAP_CORRUPTED");
        thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
      }
    }
  });

  test("a closed heap's classes have no chain and no room", () => {
    for (const words of [frontCache.ROOMS, frontCache.HEADS]) {
      const heap = smallHeap();
      heap[Symbol.dispose]();
      viewsOf(heap).meta[words + 1] = 1;
      thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
    }
  });

  test("a heap that was closed is opened with room in every class", () => {
    const heap = smallHeap({ capacity: 2 ** 20 });
    heap[Symbol.dispose]();
    const again = Heap.open(heap.buffer);
    for (const size of [1, 16, 1000, 5000, 65536]) again.free(again.malloc(size));
    again.verify();
    expect(again.stats().cached.blocks).toBeGreaterThan(4);
  });
});

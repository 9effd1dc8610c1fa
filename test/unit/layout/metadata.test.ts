import { expect, test } from "vitest";
import {
  MAX_CAPACITY_BYTES,
  MAX_FAST_CAP,
  MIN_CAPACITY_BYTES,
} from "../../../src/config/options.js";
import {
  blocksPerSlab,
  bytesToSlabs,
  CLASS_RECORDS,
  COUNTERS,
  classRecord,
  counterIndex,
  emptyTop,
  endMagazineOf,
  firstMagazineOf,
  firstSlabOf,
  MAGAZINE_COUNT,
  magazineMask,
  metadataOffset,
  ptrToSlab,
  SLAB_BYTES,
  SLAB_RECORDS,
  slabRecord,
  slabToPtr,
  topToCount,
  topToMagazine,
} from "../../../src/layout/metadata.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { at } from "../help.js";

function* capacities(): Generator<number> {
  for (let bytes = MIN_CAPACITY_BYTES; bytes <= 2 ** 26; bytes += SLAB_BYTES) yield bytes;
  for (let power = 27; power < 31; power++) {
    for (const slabs of [-1, 0, 1]) yield 2 ** power + slabs * SLAB_BYTES;
  }
  for (let slabs = 20; slabs >= 0; slabs--) yield MAX_CAPACITY_BYTES - slabs * SLAB_BYTES;
}

test("at every capacity the header map, the records, the magazines and the slabs follow", () => {
  for (const capacity of capacities()) {
    for (const fastCap of [1, 64, 126, 254, 1022]) {
      const first = firstSlabOf(capacity, fastCap);
      const slabs = capacity / SLAB_BYTES;
      expect(metadataOffset(capacity)).toBe(capacity / 16);
      expect(firstMagazineOf(capacity, fastCap)).toBeGreaterThanOrEqual(slabRecord(slabs));
      const end = metadataOffset(capacity) + 4 * endMagazineOf(capacity, fastCap);
      expect(end).toBeLessThanOrEqual(first * SLAB_BYTES);
      // No slab is lost to rounding.
      expect(first * SLAB_BYTES - end).toBeLessThan(SLAB_BYTES);
      expect(first).toBeGreaterThan(0);
      if (fastCap < 1022) expect(first).toBeLessThan(slabs);
    }
    // The last granule of the last slab has its header byte below the metadata.
    expect((capacity - 16) >>> 4).toBe(metadataOffset(capacity) - 1);
    // A page of metadata is a page of the operating system.
    expect(metadataOffset(capacity) % 4096).toBe(0);
  }
});

test("slabs and ptrs convert both ways, up to the last", () => {
  for (let slab = 1; slab < MAX_CAPACITY_BYTES / SLAB_BYTES; slab++) {
    const ptr = slabToPtr(slab);
    expect(ptr).toBe(slab * SLAB_BYTES);
    expect(ptrToSlab(ptr)).toBe(slab);
    expect(ptrToSlab(ptr + SLAB_BYTES - 1)).toBe(slab);
    expect(ptrToSlab(ptr - 1)).toBe(slab - 1);
  }
});

test("bytesToSlabs rounds up", () => {
  for (let slabs = 1; slabs < 32767; slabs += slabs < 40 ? 1 : 997) {
    expect(bytesToSlabs(slabs * SLAB_BYTES)).toBe(slabs);
    expect(bytesToSlabs(slabs * SLAB_BYTES + 1)).toBe(slabs + 1);
    expect(bytesToSlabs(slabs * SLAB_BYTES - 1)).toBe(slabs);
  }
  expect(bytesToSlabs(0)).toBe(0);
});

test("a slab holds as many blocks as fit, and at least one", () => {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const bytes = at(BLOCK_BYTES, classIndex);
    expect(blocksPerSlab(classIndex)).toBe(Math.floor(SLAB_BYTES / bytes));
    expect(blocksPerSlab(classIndex)).toBeGreaterThan(0);
  }
});

test("a mask is the least that leaves room for a link, an empty slot and the entries", () => {
  for (let fastCap = 1; fastCap <= MAX_FAST_CAP; fastCap++) {
    const mask = magazineMask(fastCap);
    expect(Number.isInteger(Math.log2(mask + 1))).toBe(true);
    expect(mask).toBeGreaterThanOrEqual(fastCap + 1);
    expect((mask + 1) / 2 - 1).toBeLessThan(fastCap + 1);
    // Verify knows a heap's layout by its mask alone.
    expect(magazineMask(mask - 1)).toBe(mask);
  }
});

test("every top of every magazine says its magazine and its count, at every cap", () => {
  for (let cap = 1; cap <= MAX_FAST_CAP; cap += cap < 300 ? 1 : 61) {
    const mask = magazineMask(cap);
    for (let number = 1; number < 300; number += 7) {
      const magazine = number * (mask + 1);
      const empty = emptyTop(magazine, mask, cap);
      const full = empty + cap;
      let good = topToMagazine(empty, mask) === magazine && topToCount(empty, mask, cap) === 0;
      // Slot 0 is the link: an empty magazine's slot lies above it.
      good &&= empty > magazine;
      good &&= topToCount(full, mask, cap) === cap && topToMagazine(full, mask) === magazine;
      good &&= ((full + 1) & mask) === 0;
      if (cap > 1) good &&= topToCount(empty + 1, mask, cap) === 1 && (full & mask) !== 0;
      if (!good) throw new Error(`magazine ${magazine}, cap ${cap}`);
    }
  }
});

test("records of classes, counters and slabs do not meet", () => {
  expect(MAGAZINE_COUNT).toBeGreaterThan(2 * CLASS_COUNT);
  expect(classRecord(0)).toBe(CLASS_RECORDS);
  expect(CLASS_RECORDS).toBe(256);
  expect(classRecord(64)).toBeLessThanOrEqual(COUNTERS);
  expect(COUNTERS + 2 * counterIndex(64, 0)).toBeLessThanOrEqual(SLAB_RECORDS);
  expect(slabRecord(0)).toBe(SLAB_RECORDS);
  expect(slabRecord(8) - slabRecord(7)).toBe(8);
  expect(classRecord(8) - classRecord(7)).toBe(8);
});

import { expect, test } from "vitest";
import { MAX_CAPACITY_BYTES, MIN_CAPACITY_BYTES } from "../../../src/config/options.js";
import { endOfMetadata, firstSlabOf, metadataOffset } from "../../../src/layout/metadata.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import {
  blocksPerSlab,
  bytesToSlabs,
  ptrToSlab,
  SLAB_BYTES,
  slabToPtr,
} from "../../../src/layout/units.js";
import { at } from "../help.js";

function* capacities(): Generator<number> {
  for (let bytes = MIN_CAPACITY_BYTES; bytes <= 2 ** 26; bytes += SLAB_BYTES) yield bytes;
  for (let power = 27; power < 31; power++) {
    for (const slabs of [-1, 0, 1]) yield 2 ** power + slabs * SLAB_BYTES;
  }
  for (let slabs = 20; slabs >= 0; slabs--) yield MAX_CAPACITY_BYTES - slabs * SLAB_BYTES;
}

test("at every capacity the header map, the records and the slabs follow", () => {
  for (const capacity of capacities()) {
    const first = firstSlabOf(capacity);
    const slabs = capacity / SLAB_BYTES;
    expect(metadataOffset(capacity)).toBe(capacity / 16);
    expect(endOfMetadata(capacity)).toBe(slabRecord.at(slabs));
    const end = metadataOffset(capacity) + 4 * endOfMetadata(capacity);
    expect(end).toBeLessThanOrEqual(first * SLAB_BYTES);
    // No slab is lost to rounding.
    expect(first * SLAB_BYTES - end).toBeLessThan(SLAB_BYTES);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(slabs);
    // The last granule of the last slab has its header byte below the metadata.
    expect((capacity - 16) >>> 4).toBe(metadataOffset(capacity) - 1);
    // A page of metadata is a page of the operating system.
    expect(metadataOffset(capacity) % 4096).toBe(0);
  }
});

test("slabs and ptrs convert both ways, up to the last", () => {
  for (let slab = 1; slab < MAX_CAPACITY_BYTES / SLAB_BYTES; slab++) {
    const ptr = slabToPtr(slab);
    const isRight =
      ptr === slab * SLAB_BYTES &&
      ptrToSlab(ptr) === slab &&
      ptrToSlab(ptr + SLAB_BYTES - 1) === slab &&
      ptrToSlab(ptr - 1) === slab - 1;
    if (!isRight) expect.fail(`slab ${slab}, ptr ${ptr}`);
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

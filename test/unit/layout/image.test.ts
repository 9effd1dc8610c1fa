import { expect, test } from "vitest";
import { slabPool } from "../../../src/central/slabPool.js";
import { resolveOptions } from "../../../src/config/options.js";
import { capacityOf, endSlab, firstSlab, viewImage } from "../../../src/layout/image.js";
import { COUNTERS, endMagazineOf, firstSlabOf, slabRecord } from "../../../src/layout/metadata.js";
import { imageOf, SLAB, SMALL_BYTES, smallHeap } from "../help.js";

test("the views of an image are fixed, and lie where the layout says", () => {
  const buffer = new ArrayBuffer(2 ** 20);
  const { counters, headers, i32, meta, u8 } = viewImage(buffer, 2 ** 20, 126, slabPool);
  expect(headers.byteOffset).toBe(0);
  expect(headers.length).toBe(2 ** 16);
  expect(meta.byteOffset).toBe(2 ** 16);
  expect(meta.length).toBe(endMagazineOf(2 ** 20, 126));
  expect(meta.byteOffset + meta.byteLength).toBeLessThanOrEqual(firstSlabOf(2 ** 20, 126) * SLAB);
  expect(meta.length).toBeGreaterThanOrEqual(slabRecord(16));
  expect(counters.byteOffset).toBe(2 ** 16 + 4 * COUNTERS);
  expect(u8.byteLength).toBe(2 ** 20);
  expect(i32.byteLength).toBe(2 ** 20);
});

test("an image knows its capacity and its slabs", () => {
  const image = imageOf(smallHeap());
  expect(capacityOf(image)).toBe(SMALL_BYTES);
  expect(firstSlab(image)).toBe(firstSlabOf(SMALL_BYTES, resolveOptions().fastCap));
  expect(endSlab(image)).toBe(8);
});

import { expect, test } from "vitest";
import { arena } from "../../../src/central/arena.js";
import * as heapCounters from "../../../src/layout/heapCounters.js";
import { endOfMetadata, firstSlabOf } from "../../../src/layout/metadata.js";
import { capacityOf, endSlab, firstSlab, viewImage } from "../../../src/layout/views.js";
import { SLAB, SMALL_BYTES, smallHeap, viewsOf } from "../help.js";

test("the views of an image are fixed, and lie where the layout says", () => {
  const buffer = new ArrayBuffer(2 ** 20);
  const { counters, headers, i32, meta, u8 } = viewImage(buffer, 2 ** 20, arena);
  expect(headers.byteOffset).toBe(0);
  expect(headers.length).toBe(2 ** 16);
  expect(meta.byteOffset).toBe(2 ** 16);
  expect(meta.length).toBe(endOfMetadata(2 ** 20));
  expect(meta.byteOffset + meta.byteLength).toBeLessThanOrEqual(firstSlabOf(2 ** 20) * SLAB);
  expect(counters.byteOffset).toBe(2 ** 16 + 4 * heapCounters.START);
  expect(u8.byteLength).toBe(2 ** 20);
  expect(i32.byteLength).toBe(2 ** 20);
});

test("an image knows its capacity and its slabs", () => {
  const views = viewsOf(smallHeap());
  expect(capacityOf(views)).toBe(SMALL_BYTES);
  expect(firstSlab(views)).toBe(firstSlabOf(SMALL_BYTES));
  expect(endSlab(views)).toBe(8);
});

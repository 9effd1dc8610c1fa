import { expect, test } from "vitest";
import { MAP_PAGE, touchedPages, touchSlab } from "../../../src/central/touch.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import * as superblock from "../../../src/layout/superblock.js";
import { smallHeap, viewsOf } from "../help.js";

test("pages of a TOUCHED field: those of the slab, and the header map's", () => {
  expect(touchedPages(0)).toBe(0);
  expect(touchedPages(MAP_PAGE)).toBe(1);
  expect(touchedPages(4096)).toBe(1);
  expect(touchedPages(65536 | MAP_PAGE)).toBe(17);
});

test("touching only adds, in whole pages, and the sum follows", () => {
  const views = viewsOf(smallHeap());
  const { meta } = views;
  const touched = (slab: number): number => meta[slabRecord.at(slab) + slabRecord.TOUCHED] ?? -1;
  for (let bytes = 1; bytes <= 65536; bytes += 16) {
    touchSlab(views, 2, bytes, 0);
    expect(touched(2)).toBe(Math.ceil(bytes / 4096) * 4096);
    expect(meta[superblock.TOUCHED_PAGES]).toBe(Math.ceil(bytes / 4096));
  }
  touchSlab(views, 2, 5, 0);
  expect(touched(2)).toBe(65536);
  touchSlab(views, 2, 5, MAP_PAGE);
  expect(touched(2)).toBe(65536 | MAP_PAGE);
  expect(meta[superblock.TOUCHED_PAGES]).toBe(17);
  touchSlab(views, 2, 65536, 0);
  expect(touched(2)).toBe(65536 | MAP_PAGE);
  touchSlab(views, 3, 0, MAP_PAGE);
  expect(touched(3)).toBe(MAP_PAGE);
  touchSlab(views, 3, 8192, MAP_PAGE);
  expect(touched(3)).toBe(8192 | MAP_PAGE);
  expect(meta[superblock.TOUCHED_PAGES]).toBe(17 + 3);
});

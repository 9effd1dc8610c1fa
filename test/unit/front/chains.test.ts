import { expect, test } from "vitest";
import { resolveOptions } from "../../../src/config/options.js";
import { chainCap, refillCount } from "../../../src/front/chains.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { at, smallHeap, viewsOf } from "../help.js";

test("a chain is bounded by the option and by 64 KiB; two blocks of the largest classes", () => {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const bytes = at(BLOCK_BYTES, classIndex);
    for (const fastCap of [1, 2, 3, 64, 254, 1022]) {
      const cap = chainCap(classIndex, fastCap);
      const wanted = bytes > 32768 ? 2 : Math.floor(65536 / bytes);
      expect(cap).toBe(Math.max(1, Math.min(fastCap, wanted)));
    }
  }
});

test("a refill fits a chain, and takes one block to 16 KiB", () => {
  for (const fastCap of [1, 5, 254]) {
    for (const count of [1, 40, 254]) {
      const options = resolveOptions({ fastCap, refillCountHot: count, refillCountMid: 200 });
      for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
        const bytes = at(BLOCK_BYTES, classIndex);
        const option = bytes <= 256 ? count : 200;
        const cap = chainCap(classIndex, fastCap);
        const wanted = Math.min(cap, option, Math.floor(16384 / bytes));
        expect(refillCount(classIndex, options)).toBe(Math.max(1, wanted));
      }
    }
  }
});

test("both are in the image", () => {
  const heap = smallHeap({ fastCap: 20, refillCountHot: 3 });
  const { meta } = viewsOf(heap);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    expect(meta[classRecord.at(classIndex) + classRecord.CAP]).toBe(chainCap(classIndex, 20));
    const refill = meta[classRecord.at(classIndex) + classRecord.REFILL];
    expect(refill).toBe(refillCount(classIndex, heap.options));
  }
});

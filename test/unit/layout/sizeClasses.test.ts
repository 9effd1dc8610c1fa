import { expect, test } from "vitest";
import { headerClass, headerState, LIVE } from "../../../src/layout/header.js";
import {
  BLOCK_BYTES,
  CLASS_COUNT,
  CLASS_MAX_BYTES,
  classTier,
  LIVE_HEADER_OF_GRANULES,
  SPAN_CLASS,
  sizeToLiveHeader,
} from "../../../src/layout/sizeClasses.js";
import { at } from "../help.js";

const classOf = (size: number): number => headerClass(sizeToLiveHeader(size));
const bytesOf = (classIndex: number): number => at(BLOCK_BYTES, classIndex);

test("every size from 0 to 65536 goes to the smallest class that holds it", () => {
  let failures = 0;
  let before = 1;
  for (let size = 0; size <= CLASS_MAX_BYTES; size++) {
    const classIndex = classOf(size);
    const holds = bytesOf(classIndex) >= size;
    const smallest = classIndex === 1 || bytesOf(classIndex - 1) < size;
    const monotone = classIndex === before || classIndex === before + 1;
    const live = headerState(sizeToLiveHeader(size)) === LIVE;
    if (!(holds && smallest && monotone && live)) failures++;
    before = classIndex;
  }
  expect(failures).toBe(0);
  expect(before).toBe(CLASS_COUNT);
  expect(classOf(0)).toBe(1);
});

test("classes grow, in multiples of 16 bytes", () => {
  expect(BLOCK_BYTES[0]).toBe(0);
  expect(BLOCK_BYTES).toHaveLength(CLASS_COUNT + 1);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    expect(bytesOf(classIndex) % 16).toBe(0);
    expect(bytesOf(classIndex)).toBeGreaterThan(bytesOf(classIndex - 1));
  }
  expect(bytesOf(CLASS_COUNT)).toBe(65536);
});

test("the published bound: waste below 20 % above 128 bytes, steps of 16 to 256", () => {
  let worst = 0;
  for (let size = 1; size <= CLASS_MAX_BYTES; size++) {
    const block = bytesOf(classOf(size));
    if (size <= 256) expect(block - size).toBeLessThan(16);
    if (size > 128) worst = Math.max(worst, (block - size) / block);
  }
  expect(worst).toBeLessThan(0.2);
});

test("every power of two from 16 to 65536 is a class", () => {
  for (let power = 16; power <= 65536; power *= 2) expect(bytesOf(classOf(power))).toBe(power);
});

test("the table ends with the last class", () => {
  expect(LIVE_HEADER_OF_GRANULES).toHaveLength(CLASS_MAX_BYTES / 16 + 1);
  expect(classOf(65536)).toBe(CLASS_COUNT);
});

test("tiers: tiny to 1024, pool to 32768, large above and spans", () => {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const bytes = bytesOf(classIndex);
    const tier = bytes <= 1024 ? "tiny" : bytes <= 32768 ? "pool" : "large";
    expect(classTier(classIndex)).toBe(tier);
  }
  expect(classTier(SPAN_CLASS)).toBe("large");
});

import { expect, test } from "vitest";
import {
  CACHED,
  FREE,
  headerClass,
  headerState,
  LIVE,
  LIVE_TO_CACHED,
  NO_BLOCK,
  toHeader,
} from "../../../src/layout/header.js";

test("all 256 bytes are taken apart and put together again", () => {
  for (let byte = 0; byte < 256; byte++) {
    const state = headerState(byte);
    const classIndex = headerClass(byte);
    expect([NO_BLOCK, FREE, CACHED, LIVE]).toContain(state);
    expect(classIndex).toBeGreaterThanOrEqual(0);
    expect(classIndex).toBeLessThan(64);
    expect(toHeader(state, classIndex)).toBe(byte);
  }
});

test("each class code in each state is a byte of its own", () => {
  const bytes = new Set<number>();
  for (const state of [NO_BLOCK, FREE, CACHED, LIVE]) {
    for (let classIndex = 0; classIndex < 64; classIndex++) {
      const header = toHeader(state, classIndex);
      expect(header).toBeGreaterThanOrEqual(0);
      expect(header).toBeLessThan(256);
      expect(headerState(header)).toBe(state);
      expect(headerClass(header)).toBe(classIndex);
      bytes.add(header);
    }
  }
  expect(bytes.size).toBe(256);
});

test("one comparison tells a live header, and one subtraction makes it a cached one", () => {
  for (let classIndex = 1; classIndex < 64; classIndex++) {
    const live = toHeader(LIVE, classIndex);
    expect(live).toBeGreaterThan(LIVE);
    expect(live - LIVE_TO_CACHED).toBe(toHeader(CACHED, classIndex));
    for (const state of [NO_BLOCK, FREE, CACHED]) {
      expect(toHeader(state, classIndex)).toBeLessThan(LIVE);
    }
  }
});

test("the states are those of the design", () => {
  expect([NO_BLOCK, FREE, CACHED, LIVE].map((state) => state >> 6)).toEqual([0, 1, 2, 3]);
});

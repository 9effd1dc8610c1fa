import { describe, expect, it, test } from "vitest";
import { Heap, SharedHeap } from "../../../src/index.js";
import { describeLayout, FINGERPRINT, fingerprintOf } from "../../../src/layout/fingerprint.js";
import { FORMAT_VERSION } from "../../../src/layout/format.js";
import { metadataOffset } from "../../../src/layout/metadata.js";
import { BLOCK_BYTES } from "../../../src/layout/sizeClasses.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at, smallHeap, thrown } from "../help.js";

const [BEFORE_LAST = 0, LAST = 0] = BLOCK_BYTES.slice(-2);

/** The fingerprint of every version of the format that had one. An entry is never changed. */
const FINGERPRINTS: Readonly<Record<number, number>> = {
  4: 448968826,
};

test("a format version has one layout and one list of size classes", () => {
  expect(
    FINGERPRINT,
    "The layout, a word's name or the size classes have changed, so images of before cannot be " +
      "opened. Raise FORMAT_VERSION in src/layout/format.ts, add the new version with the number " +
      `${FINGERPRINT} to FINGERPRINTS in this test, and say so in CHANGELOG.md. (If the version ` +
      "was raised since the last release, change its number here instead.)",
  ).toBe(FINGERPRINTS[FORMAT_VERSION]);
  expect(new Set(Object.values(FINGERPRINTS)).size).toBe(Object.keys(FINGERPRINTS).length);
});

describe("the fingerprint", () => {
  /** The layout after a change of its text, which must be in it. */
  const changed = (from: string, to: string): unknown => {
    const text = JSON.stringify(describeLayout());
    expect(text).toContain(from);
    return JSON.parse(text.replace(from, to));
  };

  it("is an int32, so that a word can hold it", () => {
    expect(FINGERPRINT | 0).toBe(FINGERPRINT);
    expect(fingerprintOf(describeLayout())).toBe(FINGERPRINT);
  });

  it.each([
    ["a size class more", `${BEFORE_LAST},${LAST}`, `${BEFORE_LAST},${LAST - 16},${LAST}`],
    ["a size class less", `${BEFORE_LAST},${LAST}`, `${LAST}`],
    ["a word moved", '"name":"CARVED","at":2', '"name":"CARVED","at":3'],
    ["a word renamed", '"name":"CARVED"', '"name":"CUT"'],
    ["a longer record", '"name":"classRecord","start":256,"length":8', '"length":9'],
    ["a state of headers", '["LIVE",192]', '["LIVE",64]'],
    ["a bit of slab states", '["BUSY",131072]', '["BUSY",262144]'],
    ["the order of the options", '"sllDrainInterval","fastCap"', '"fastCap","sllDrainInterval"'],
    ["the place of a shared heap's part", '"markCounts":', '"moved":'],
  ])("changes with %s", (_what, from, to) => {
    expect(fingerprintOf(changed(from, to))).not.toBe(FINGERPRINT);
  });
});

describe("an image with another fingerprint", () => {
  /** Writes the fingerprint that another build would have. Returns what a refusal says. */
  const spoil = (heap: Heap | SharedHeap): { message: string; details: object } => {
    const index = (metadataOffset(heap.options.capacity) >> 2) + superblock.FINGERPRINT;
    expect(at(heap.i32, index)).toBe(FINGERPRINT);
    const found = FINGERPRINT ^ 1;
    heap.i32[index] = found;
    return {
      message: `not a heap image: fingerprint is ${found}, expected ${FINGERPRINT}`,
      details: { field: "fingerprint", found, expected: FINGERPRINT },
    };
  };

  it("is refused by open, and by restore", () => {
    const heap = smallHeap();
    heap.malloc(100);
    const refusal = spoil(heap);
    const snapshot = heap.snapshot();
    expect(thrown(() => Heap.restore(snapshot), "ERR_BAD_HEAP_IMAGE")).toMatchObject(refusal);
    heap[Symbol.dispose]();
    expect(thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE")).toMatchObject(refusal);
  });

  it("is refused by attach, and by restore of a shared heap", () => {
    const heap = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 4 });
    heap.malloc(100);
    const refusal = spoil(heap);
    const snapshot = heap.snapshot();
    expect(thrown(() => SharedHeap.restore(snapshot), "ERR_BAD_HEAP_IMAGE")).toMatchObject(refusal);
    expect(thrown(() => SharedHeap.attach(heap.buffer), "ERR_BAD_HEAP_IMAGE")).toMatchObject(
      refusal,
    );
  });
});

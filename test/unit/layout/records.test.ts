import { describe, expect, it, test } from "vitest";
import { findOverlaps, RECORDS, type RecordKind, readRecord } from "../../../src/layout/records.js";
import { sharedLayout } from "../../../src/layout/sharedMetadata.js";
import { SLAB_BYTES } from "../../../src/layout/units.js";

const SMALL = { START: 8, INTS: 6, FIRST: 0, SECOND: 1, LONG: 2, LONG_INTS: 3 };

function problemsOf(module: Record<string, number>, free: string): string[] {
  return findOverlaps(readRecord("small", module, { free }));
}

describe("the words of a record", () => {
  it("do not overlap, and the others are stated as free", () => {
    expect(problemsOf(SMALL, "5")).toEqual([]);
    expect(problemsOf({ ...SMALL, SECOND: 0 }, "1 5")).toEqual([
      "small.SECOND overlaps FIRST, at 0",
    ]);
    expect(problemsOf({ ...SMALL, SECOND: 4 }, "1 5")).toEqual([
      "small.SECOND overlaps LONG, at 4",
    ]);
    expect(problemsOf(SMALL, "4-5")).toEqual(["small has the free words 5, not 4-5"]);
  });

  it("do not reach beyond it", () => {
    expect(problemsOf({ ...SMALL, SECOND: 6 }, "1 5")).toEqual([
      "small.SECOND is beyond the record's 6 words",
    ]);
    expect(problemsOf({ ...SMALL, LONG: 4 }, "2-3")).toEqual([
      "small.LONG is beyond the record's 6 words",
    ]);
  });

  it("are none if the record has no length", () => {
    expect(readRecord("none", { START: 8 })).toMatchObject({ start: 8, length: 0, words: [] });
    expect(readRecord("none", {})).toMatchObject({ start: 0, length: 0 });
    expect(readRecord("doubles", { START: 8, DOUBLES: 2 })).toMatchObject({ length: 2 });
  });

  it("count from its start, or from that of the metadata if there is one record", () => {
    const one = { START: 8, INTS: 2, FIRST: 8, SECOND: 9 };
    expect(findOverlaps(readRecord("one", one, { isOne: true }))).toEqual([]);
    expect(findOverlaps(readRecord("one", one))).toContain(
      "one.FIRST is beyond the record's 2 words",
    );
  });

  it("may lie in another word only where that is said", () => {
    const record = (DRAIN_INTERVAL: number): RecordKind =>
      readRecord("r", { INTS: 4, OPTIONS: 0, OPTIONS_INTS: 2, DRAIN_INTERVAL }, { free: "2-3" });
    expect(findOverlaps(record(1))).toEqual([]);
    expect(findOverlaps(record(2))).toEqual(["r.DRAIN_INTERVAL is not in OPTIONS"]);
  });
});

test("every record has words, and its name once", () => {
  expect(RECORDS.every(({ words }) => words.length > 0)).toBe(true);
  expect(new Set(RECORDS.map(({ name }) => name)).size).toBe(RECORDS.length);
});

test("what follows a shared heap's slots does not overlap, at any capacity", () => {
  for (const slabs of [8, 9, 31, 32, 33, 100, 4096, 32767]) {
    for (const workers of [1, 2, 3, 16, 63, 64]) {
      const layout = sharedLayout(slabs * SLAB_BYTES, workers);
      const parts = [
        [192, workers * 16],
        [layout.states, slabs],
        [layout.summaries, slabs],
        [layout.markCounts, slabs],
        [layout.records, slabs * 8],
        [layout.freeBits, slabs * 128],
        [layout.remoteBits, slabs * 128],
        [layout.regions, workers * layout.regionInts],
      ] as const;
      let end: number = 192;
      for (const [start, length] of parts) {
        expect(start).toBeGreaterThanOrEqual(end);
        end = start + length;
      }
      expect(layout.regionInts).toBeGreaterThanOrEqual(2320 + layout.dirtyWords);
      expect(slabs * 4096 + 4 * end).toBeLessThanOrEqual(layout.firstSlab * SLAB_BYTES);
    }
  }
});

import { describe, expect, it } from "vitest";
import { Heap, type HeapOptions } from "../../src/index.js";
import { deepIt } from "../support/deep.js";
import { Oracle } from "../support/oracle.js";
import { freeAll, readTrace, replay, TRACE_NAMES } from "../support/replay.js";

const CAPACITY_BYTES = 2 ** 26;

function replayChecked(name: string, options: Partial<HeapOptions>): void {
  const heap = Heap.create({ ...options, capacity: CAPACITY_BYTES });
  const oracle = new Oracle(heap);
  replay(heap, oracle, readTrace(name));
  heap.verify();
  oracle.checkAll();
  oracle.conservation();
  freeAll(heap, oracle);
  heap.verify();
  const { live, cached, free, slabs } = oracle.conservation();
  expect({ live: live.blocks, cached: cached.blocks, free: free.blocks }).toEqual({
    live: 0,
    cached: 0,
    free: 0,
  });
  expect(slabs.inUse).toBe(0);
}

describe("recorded traces against the oracle", () => {
  for (const name of TRACE_NAMES) {
    it(`${name}, default options`, () => replayChecked(name, {}));
    const isQuick = name === "sqlite";
    (isQuick ? it : deepIt)(`${name}, small caches and many drains`, () =>
      replayChecked(name, { fastCap: 3, sllDrainInterval: 1, refillCountHot: 2, safeFree: true }),
    );
  }
});

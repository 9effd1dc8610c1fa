import { describe, expect, it } from "vitest";
import type { Subject } from "../../../bench/rivals/subject.js";
import { check } from "../../../bench/subject/check.js";
import { createPasses } from "../../../bench/subject/passes.js";
import { readWorkload } from "../../../bench/workloads/resolve.js";
import {
  decodeScript,
  encodeScript,
  eventsOf,
  peakOf,
  type Script,
  ScriptWriter,
  type Touch,
} from "../../../bench/workloads/script.js";
import { buildBatches } from "../../../bench/workloads/tinyHot.js";
import { deepIt } from "../../support/deep.js";

interface Faults {
  /** Blocks follow one another so closely that each reaches into the next. */
  readonly overlap?: number;
  /** A realloc forgets the old bytes. */
  readonly losesBytes?: boolean;
}

/** A bump allocator that counts, and can be made to fail as real ones do. */
function createBump(faults: Faults = {}) {
  const bytes = new Uint8Array(2 ** 20);
  const counts = { mallocs: 0, frees: 0, reallocs: 0, written: 0 };
  const live = new Set<number>();
  const sizes = new Map<number, number>();
  let top = 16;
  const take = (size: number): number => {
    const block = top;
    top += Math.max(1, size - (faults.overlap ?? 0));
    sizes.set(block, size);
    live.add(block);
    return block;
  };
  const drop = (block: number): void => {
    if (!live.delete(block)) throw new Error(`free of ${block}, which is not live`);
  };
  const subject: Subject<number> = {
    createSlots: (count) => new Int32Array(count),
    malloc: (size) => {
      counts.mallocs++;
      return take(size);
    },
    free: (block) => {
      counts.frees++;
      drop(block);
      if (live.size === 0) top = 16;
    },
    realloc: (block, size) => {
      counts.reallocs++;
      const to = take(size);
      const kept = Math.min(size, sizes.get(block) ?? 0);
      if (faults.losesBytes !== true) bytes.copyWithin(to, block, block + kept);
      drop(block);
      return to;
    },
    write: (block, offset, value) => {
      counts.written++;
      bytes[block + offset] = value;
    },
    read: (block, offset) => bytes[block + offset] as number,
    fill: (block, size, value) => {
      counts.written += size;
      bytes.fill(value, block, block + size);
    },
  };
  return { subject, counts, live };
}

/** Two blocks of 100 bytes, one of them grown and worked on; one is left at the end. */
function createScript(touch: Touch, repeat = 1): Script {
  const writer = new ScriptWriter();
  writer.malloc(0, 100);
  writer.malloc(1, 100);
  writer.realloc(0, 200);
  writer.work(1, 3);
  writer.free(0);
  if (repeat > 1) writer.free(1);
  return writer.finish(touch, repeat);
}

describe("a script", () => {
  it("knows its events, and what is live at once", () => {
    const script = createScript("first", 7);
    expect(eventsOf(script)).toBe(42);
    expect(peakOf(script)).toEqual({ bytes: 300, blocks: 2, event: 2, leftBlocks: 0 });
  });

  it.each(["first", "pair", "all"] as const)("goes through a file unchanged: %s", (touch) => {
    const script = createScript(touch, 3);
    expect(decodeScript(encodeScript(script))).toEqual(script);
    expect(() => decodeScript(encodeScript(script).subarray(1))).toThrow("no script");
  });
});

describe("a round", () => {
  /** First: 1 + 1 + 1 bytes; pair: 2 + 2 + 2; all: 100 + 100 + 200. The work is 300 in each. */
  it.each([
    ["first", 303],
    ["pair", 306],
    ["all", 700],
  ] as const)("with touch %s writes %i bytes a run", (touch, written) => {
    const { subject, counts, live } = createBump();
    const timed = createPasses(subject, createScript(touch)).round(2, 1000);
    expect(timed).toMatchObject({ events: 10, isCut: false });
    expect(counts).toEqual({ mallocs: 4, frees: 4, reallocs: 2, written: 2 * written });
    expect(live.size).toBe(0);
  });

  it("repeats what frees all that it allocates", () => {
    const { subject, counts } = createBump();
    const timed = createPasses(subject, createScript("first", 5000)).round(1, 10_000);
    expect(timed.events).toBe(30_000);
    expect(counts.mallocs).toBe(10_000);
  });

  it("runs through a script of many chunks to its end", () => {
    const writer = new ScriptWriter();
    for (let event = 0; event < 20_001; event++) {
      if (event % 2 === 0) writer.malloc(0, 8);
      else writer.free(0);
    }
    const { subject, counts, live } = createBump();
    const timed = createPasses(subject, writer.finish()).round(3, 10_000);
    expect(timed.events).toBe(60_003);
    expect(counts.mallocs).toBe(30_003);
    expect(live.size).toBe(0);
  });

  it("is cut at its limit, and frees what it had", () => {
    const { subject, live } = createBump();
    const timed = createPasses(subject, createScript("first", 10_000_000)).round(1, 1);
    expect(timed.isCut).toBe(true);
    expect(timed.events).toBeGreaterThan(0);
    expect(timed.events).toBeLessThan(60_000_000);
    expect(live.size).toBe(0);
  });

  it("finds bytes that have changed where all are read", () => {
    const { subject } = createBump({ overlap: 8 });
    const writer = new ScriptWriter();
    writer.malloc(0, 100);
    writer.malloc(1, 100);
    writer.free(0);
    const passes = createPasses(subject, writer.finish("all"));
    expect(() => passes.round(1, 1000)).toThrow("a block's bytes have changed");
  });
});

describe("a tight loop", () => {
  const countsOf = (script: Script) => {
    const { subject, counts, live } = createBump();
    const timed = createPasses(subject, script).round(2, 10_000);
    return { ...counts, events: timed.events, live: live.size };
  };

  it.each([
    ["newest-first", 1, 512],
    ["newest-first", 100, 5],
    ["oldest-first", 256, 4],
    ["oldest-first", 1000, 2],
  ] as const)("%s, batches of %i, does what the events say", (loop, batch, cycles) => {
    const script = buildBatches(loop, 64, batch, cycles);
    const { tight, ...plain } = script;
    expect(tight).toEqual({ loop, bytes: 64, batch });
    expect(decodeScript(encodeScript(script))).toEqual(script);
    expect(countsOf(script)).toEqual(countsOf(plain));
  });

  it("toggles the slots that random-mixed draws, and frees what is left", () => {
    const build = (tight: boolean) =>
      readWorkload("random-mixed", ["4096", "64", "7"], tight ? { tight } : {}).script;
    expect(build(false).tight).toBeUndefined();
    expect(build(true).tight).toEqual({ loop: "random", slots: 64, seed: 7 });
    expect(countsOf(build(true))).toEqual(countsOf(build(false)));
  });

  it("is cut at its limit", () => {
    const { subject } = createBump();
    const script = buildBatches("newest-first", 64, 100, 10_000_000);
    const timed = createPasses(subject, script).round(1, 1);
    expect(timed.isCut).toBe(true);
    expect(timed.events).toBeGreaterThan(0);
  });
});

deepIt("latencies rise with the percentile, and none is missed", () => {
  const { subject, live } = createBump();
  const { curve, events, timerNs } = createPasses(subject, createScript("first", 500)).latency(
    5000,
  );
  expect(events).toBeGreaterThanOrEqual(1_000_000);
  expect(events % 6).toBe(0);
  expect(timerNs).toBeGreaterThan(0);
  expect(curve[0]?.[0]).toBe(0);
  expect(curve.at(-1)?.[0]).toBe(100);
  for (const key of [0, 1] as const) {
    const column = curve.map((point) => point[key]);
    expect(column).toEqual([...column].sort((a, b) => a - b));
  }
  expect(live.size).toBe(0);
});

describe("the check", () => {
  it("passes a sound subject, and frees all", async () => {
    const { subject, live } = createBump();
    const { hash, seriesBytes } = await check(subject, createScript("first"), 10_000);
    expect(hash).not.toBeNull();
    expect(seriesBytes).toHaveLength(64);
    expect(live.size).toBe(0);
  });

  it("has the hash of what was done, whatever is touched otherwise", async () => {
    const hashOf = async (script: Script) => (await check(createBump().subject, script, 1e4)).hash;
    const hash = await hashOf(createScript("first"));
    expect(await hashOf(createScript("all"))).toBe(hash);
    const other = createScript("first");
    other.words[1] = 99;
    expect(await hashOf(other)).not.toBe(hash);
  });

  it.each([1, 8, 40, 99])("finds blocks that overlap by %i bytes", async (overlap) => {
    const { subject } = createBump({ overlap });
    await expect(check(subject, createScript("first"), 1e4)).rejects.toThrow(/byte \d+ of slot/);
  });

  it("finds a realloc that loses bytes", async () => {
    const { subject } = createBump({ losesBytes: true });
    await expect(check(subject, createScript("first"), 1e4)).rejects.toThrow(
      "event 2: byte 0 of slot 0",
    );
  });
});

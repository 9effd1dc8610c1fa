import { describe, expect, test } from "vitest";
import type { Script } from "../../../bench/workloads/script.js";
import { WORKLOADS } from "../../../bench/workloads/table.js";
import type { Workload, WorkloadArguments } from "../../../bench/workloads/workload.js";
import { deepIt } from "../../support/deep.js";
import { SMOKE_HASHES } from "../../support/workloads.js";

const MALLOC = 0;
const FREE = 1;
const REALLOC = 2;
const WORK = 3;

/** Those that draw nothing. */
const SEEDLESS = ["tiny-hot", "xmalloc-test", "sh6bench", "cache-scratch", "cache-thrash"];

interface Event {
  readonly op: number;
  readonly slot: number;
  readonly size: number;
}

function eventsOf({ words }: Script): Event[] {
  return Array.from({ length: words.length / 2 }, (_, index) => {
    const word = (words[2 * index] as number) >>> 0;
    const op = Math.floor(word / 2 ** 30);
    return { op, slot: word % 2 ** 30, size: words[2 * index + 1] as number };
  });
}

function sizesOf(script: Script): number[] {
  return eventsOf(script).flatMap(({ op, size }) => (op === MALLOC || op === REALLOC ? size : []));
}

/** Why a script cannot be run, if it cannot; and what it leaves and needs. */
function examine(script: Script) {
  const live = new Map<number, number>();
  const found = { fault: "", leftBlocks: 0, peakBytes: 0 };
  let bytes = 0;
  for (const [index, { op, slot, size }] of eventsOf(script).entries()) {
    if (slot >= script.slotCount || size < 0 || live.has(slot) !== (op !== MALLOC)) {
      found.fault ||= `event ${index}: op ${op}, slot ${slot}, size ${size}`;
    }
    if (op === WORK) continue;
    bytes += (op === FREE ? 0 : size) - (live.get(slot) ?? 0);
    if (op === FREE) live.delete(slot);
    else live.set(slot, size);
    found.peakBytes = Math.max(found.peakBytes, bytes);
  }
  found.leftBlocks = live.size;
  if (script.repeat > 1 && live.size > 0) found.fault ||= "repeated, and leaves blocks";
  return found;
}

function digest({ words, slotCount, repeat, touch }: Script): string {
  let hash = 0x811c9dc5;
  for (const value of [...words, slotCount, repeat, ...Buffer.from(touch)]) {
    for (let shift = 0; shift < 32; shift += 8) {
      hash = Math.imul(hash ^ ((value >>> shift) & 255), 0x01000193);
    }
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function named(name: string): Workload {
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new Error(name);
  return workload;
}

/** Builds as the command does: a parameter that has a flag too is in both places. */
function build(
  workload: Workload,
  positional: readonly number[],
  flags: Partial<WorkloadArguments> = {},
): Script {
  const { seed, workers, size } = flags;
  const byName: Readonly<Record<string, number | undefined>> = {
    SEED: seed,
    WORKERS: workers,
    SIZE: size,
  };
  const values = workload.parameters.map(
    ({ name, default: value }, index) => byName[name] ?? positional[index] ?? value,
  );
  const argument = (name: string): number | undefined =>
    values[workload.parameters.findIndex((parameter) => parameter.name === name)];
  return workload.build({
    values,
    seed: seed ?? argument("SEED") ?? 42,
    size,
    workers: workers ?? argument("WORKERS") ?? (workload.isForWorkers ? 4 : 1),
    compat: flags.compat ?? false,
  });
}

function smoke(workload: Workload, flags: Partial<WorkloadArguments> = {}): Script {
  return build(workload, workload.smoke, flags);
}

function shareOf<T>(values: readonly T[], matches: (value: T) => boolean): number {
  return values.filter(matches).length / values.length;
}

function extentOf(values: readonly number[]): [least: number, most: number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

test("the names are those of the hashes, in the order of the command", () => {
  expect(WORKLOADS.map(({ name }) => name)).toEqual(Object.keys(SMOKE_HASHES));
});

describe.each(WORKLOADS.map((workload) => [workload.name, workload] as const))("%s", (...row) => {
  const [name, workload] = row;

  test("its smoke script is valid, small and the one that is pinned", () => {
    const script = smoke(workload);
    expect(workload.smoke.length).toBe(workload.parameters.length);
    expect(examine(script).fault).toBe("");
    expect(script.words.length / 2).toBeGreaterThan(100);
    expect((script.words.length / 2) * script.repeat).toBeLessThanOrEqual(10_000);
    expect(digest(script)).toBe(SMOKE_HASHES[name]?.script);
  });

  deepIt("its default script is valid, and no larger than a machine holds", () => {
    const script = build(workload, []);
    const { fault, peakBytes } = examine(script);
    expect(fault).toBe("");
    expect((script.words.length / 2) * script.repeat).toBeGreaterThan(100_000);
    expect(script.words.byteLength).toBeLessThan(2 ** 26);
    expect(peakBytes).toBeLessThan(1e8);
  });

  test("the seed decides its draws", () => {
    const again = digest(smoke(workload, { seed: 7 }));
    expect(digest(smoke(workload, { seed: 7 }))).toBe(again);
    expect(digest(smoke(workload, { seed: 8 })) === again).toBe(SEEDLESS.includes(name));
    expect(workload.parameters.some((parameter) => parameter.name === "SEED")).toBe(
      !SEEDLESS.includes(name),
    );
  });

  test("--size fixes all sizes, and the seeds 0 and 1 are seeds", () => {
    expect(workload.takes).toContain("size");
    for (const size of [0, 100]) {
      const script = smoke(workload, { size });
      expect(examine(script).fault).toBe("");
      expect(new Set(sizesOf(script))).toEqual(new Set([size]));
    }
    for (const seed of [0, 1]) expect(examine(smoke(workload, { seed })).fault).toBe("");
  });

  test("--compat changes the draws where it is taken", () => {
    const isSame = digest(smoke(workload, { compat: true })) === digest(smoke(workload));
    expect(isSame).toBe(!workload.takes.includes("compat"));
  });

  test("defaults are within bounds, and the least of each argument and of all builds", () => {
    const { parameters } = workload;
    for (const { default: value, min, max } of parameters) {
      expect(value).toBeGreaterThanOrEqual(min);
      expect(value).toBeLessThanOrEqual(max);
    }
    const least = parameters.map(({ min }) => min);
    const choices = least.map((min, at) => workload.smoke.with(at, min));
    for (const values of [least, ...choices]) {
      expect(examine(build(workload, values)).fault).toBe("");
    }
  });

  test("it is valid for one worker and for many, and they matter where they are its point", () => {
    const scripts = [1, 2, 4, 16].map((workers) => smoke(workload, { workers }));
    for (const script of scripts) expect(examine(script).fault).toBe("");
    // One worker of xmalloc-test is a producer and a consumer, as two are.
    const different = name === "xmalloc-test" ? 3 : 4;
    expect(new Set(scripts.map(digest)).size).toBe(workload.isForWorkers ? different : 1);
  });
});

test("blocks are touched as the originals touch them", () => {
  const touches = WORKLOADS.filter((workload) => smoke(workload).touch !== "first");
  expect(touches.map((workload) => [workload.name, smoke(workload).touch])).toEqual([
    ["larson", "pair"],
    ["mstress", "all"],
    ["alloc-test", "all"],
  ]);
});

test("random-mixed draws 16 to 1039 bytes evenly, from bits that the slot does not share", () => {
  const sizes = sizesOf(build(named("random-mixed"), [100_000, 256, 42]));
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  expect(mean).toBeGreaterThan(517);
  expect(mean).toBeLessThan(537);
  expect(extentOf(sizes)).toEqual([16, 1039]);
});

test("comprehensive frees in four orders, and has all sizes in the last phase", () => {
  const events = eventsOf(build(named("comprehensive"), [100, 1, 42]));
  const freedIn = (from: number) => events.slice(from, from + 100).map(({ slot }) => slot);
  const rising = Array.from({ length: 100 }, (_, slot) => slot);
  expect(freedIn(100)).toEqual(rising.toReversed());
  expect(freedIn(300)).toEqual(rising);
  expect(freedIn(500)).not.toEqual(rising);
  expect(freedIn(500).toSorted((a, b) => a - b)).toEqual(rising);
  expect(events.slice(700, 704).map(({ op, slot }) => [op, slot])).toEqual(
    [0, 2, 4, 6].map((slot) => [FREE, slot]),
  );
  const mixed = new Set(events.slice(-200, -100).map(({ size }) => size));
  expect([...mixed].toSorted((a, b) => a - b)).toEqual([16, 32, 64, 128]);
});

test("mid-large-mt has thirds of about 8, 16 and 32 KiB, in short turns of its workers", () => {
  const script = build(named("mid-large-mt"), [4, 19_200, 512, 42]);
  const sizes = sizesOf(script);
  for (const base of [8192, 16384, 32768]) {
    const share = shareOf(sizes, (size) => size >= base && size < base + 2048);
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.37);
  }
  const workers = eventsOf(script).map(({ slot }) => Math.floor(slot / 512));
  expect(workers.every((worker, index) => worker === Math.floor(index / 64) % 4)).toBe(true);
});

test("larson's slots are filled first, then replaced with 8 to 1000 bytes", () => {
  const events = eventsOf(build(named("larson"), [100, 5000, 1000, 42, 4]));
  expect(events.slice(0, 400).every(({ op, slot }, index) => op === MALLOC && slot === index)).toBe(
    true,
  );
  const pairs = events.slice(400);
  expect(
    pairs.every(
      ({ op, slot }, index) => op === 1 - (index & 1) && slot === pairs[index & ~1]?.slot,
    ),
  ).toBe(true);
  const sizes = pairs.flatMap(({ op, size }) => (op === MALLOC ? size : []));
  expect(sizes.every((size) => size >= 8 && size <= 1000)).toBe(true);
  // The first worker's lifetime ends after 2000 events: 31 turns, and 16 events of the next.
  const immortal = eventsOf(build(named("larson"), [100, 5000, 5000, 42, 4]));
  const passing = 400 + 31 * 64 * 4 + 16;
  expect(immortal.slice(0, passing)).toEqual(events.slice(0, passing));
  expect(immortal[passing]).not.toEqual(events[passing]);
});

test("mstress has 1 % of sizes 100-fold, and frees all", () => {
  const script = build(named("mstress"), [4, 4000, 4, 42]);
  const sizes = sizesOf(script);
  const huge = shareOf(sizes, (size) => size > 512);
  expect(huge).toBeGreaterThan(0.007);
  expect(huge).toBeLessThan(0.013);
  expect([...new Set(sizes.filter((size) => size <= 512))].toSorted((a, b) => a - b)).toEqual([
    8, 16, 32, 64, 128, 256, 512,
  ]);
  expect(examine(script).leftBlocks).toBe(0);
});

test("rptest's sizes fall linearly", () => {
  const sizes = sizesOf(build(named("rptest"), [4, 300, 1000, 100, 42]));
  for (const quarter of [0, 1, 2, 3]) {
    const share = shareOf(sizes, (size) => Math.floor((size - 8) / 3998.25) === quarter);
    expect(share).toBeGreaterThan((7 - 2 * quarter) / 16 - 0.02);
    expect(share).toBeLessThan((7 - 2 * quarter) / 16 + 0.02);
  }
  expect(sizes.every((size) => size >= 8 && size <= 16_000)).toBe(true);
});

test("xmalloc-test's blocks are freed in the order in which one producer allocates them", () => {
  const script = build(named("xmalloc-test"), [64, 100, 10], { workers: 2 });
  const held: number[] = [];
  const freed: number[] = [];
  for (const [index, { op, slot }] of eventsOf(script).entries()) {
    if (op === MALLOC) held[slot] = index;
    else freed.push(held[slot] as number);
  }
  expect(freed.length).toBe(1000);
  expect(freed).toEqual(freed.toSorted((a, b) => a - b));
});

test.each(["sh6bench", "sh8bench"])(
  "%s frees the oldest and the newest of a full window",
  (name) => {
    const script = build(named(name), [2000, 1000, 100]);
    const frees = eventsOf(script).slice(100, 150);
    const oldest = Array.from({ length: 25 }, (_, index) => index);
    const newest = Array.from({ length: 25 }, (_, index) => 99 - index);
    expect(frees.every(({ op }) => op === FREE)).toBe(true);
    expect(frees.map(({ slot }) => slot)).toEqual([...oldest, ...newest]);
    expect(examine(script).leftBlocks).toBe(0);
    expect(shareOf(sizesOf(script), (size) => size <= 500)).toBeGreaterThan(0.6);
  },
);

test("alloc-test's sizes halve in frequency, and a fifth of the slots has most events", () => {
  const script = build(named("alloc-test"), [200_000, 10_000, 42]);
  const sizes = sizesOf(script);
  const shares = Array.from({ length: 8 }, (_, range) =>
    shareOf(sizes, (size) => size > 4 << range && size <= 8 << range),
  );
  expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 9);
  for (const [range, share] of shares.entries()) {
    expect(share * 2 ** (range + 1)).toBeGreaterThan(0.85);
    expect(share * 2 ** (range + 1)).toBeLessThan(1.15);
  }
  const hot = shareOf(eventsOf(script), ({ slot }) => slot < 2000);
  expect(hot).toBeGreaterThan(0.79);
  expect(hot).toBeLessThan(0.81);
});

test("the cache workloads write the live blocks of their workers in turns", () => {
  const thrash = eventsOf(build(named("cache-thrash"), [4, 3, 8, 100]));
  const scratch = eventsOf(build(named("cache-scratch"), [4, 3, 8, 100]));
  expect(thrash.every(({ slot }, index) => slot === index % 4)).toBe(true);
  expect(scratch.slice(0, 8).map(({ op }) => op)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(scratch.slice(8)).toEqual(thrash);
  for (const slot of [0, 1, 2, 3]) {
    const work = thrash.filter((event) => event.op === WORK && event.slot === slot);
    expect(work.reduce((sum, { size }) => sum + size, 0)).toBe(300);
  }
});

test.each(["glibc-simple", "glibc-thread"])("%s mixes sizes by inverse square", (name) => {
  const positional = name === "glibc-simple" ? [1, 1, 50_000, 42] : [4, 1, 1, 20_000, 42];
  const sizes = sizesOf(build(named(name), positional));
  for (const size of [8, 16, 32, 64, 128, 256]) {
    const share = shareOf(sizes, (drawn) => drawn >= size) * (size / 4);
    expect(share).toBeGreaterThan(0.8);
    expect(share).toBeLessThan(1.2);
  }
  expect(sizes.every((size) => size >= 4 && size <= 32_768)).toBe(true);
});

test("glibc-simple frees half of a batch oldest first, the rest newest first", () => {
  const events = eventsOf(build(named("glibc-simple"), [1, 1600, 0, 42]));
  const freed = events.slice(25, 50).map(({ slot }) => slot);
  expect(freed).toEqual([...Array(12).keys(), ...Array.from({ length: 13 }, (_, i) => 24 - i)]);
  expect(events.length).toBe(3 * 4 * 1600 * 2);
  for (const size of [16, 32, 64]) {
    expect(events.filter((event) => event.op === MALLOC && event.size === size).length).toBe(6400);
  }
});

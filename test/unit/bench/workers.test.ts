import { describe, expect, it } from "vitest";
import { BUCKETS, bucketNs, bucketOf, curveOf } from "../../../bench/subject/workers/histogram.js";
import { lengthOf } from "../../../bench/subject/workers/loop.js";
import { createSetups } from "../../../bench/subject/workers/pool.js";
import {
  ARGUMENT,
  COMMAND,
  COMMANDS,
  READY,
  type Setup,
  STOP,
} from "../../../bench/subject/workers/shared.js";
import { IN_CELL, PLACE_MASK, splitScript } from "../../../bench/subject/workers/split.js";
import { ScriptWorker } from "../../../bench/subject/workers/worker.js";
import { Random } from "../../../bench/workloads/random.js";
import { readWorkload } from "../../../bench/workloads/resolve.js";
import {
  decodeScript,
  encodeScript,
  type Script,
  ScriptWriter,
  workersOf,
} from "../../../bench/workloads/script.js";
import { WORKLOADS } from "../../../bench/workloads/table.js";
import { SharedHeap } from "../../../src/index.js";

const MALLOC = 0;
const FREE = 1;
const REALLOC = 2;
const WORK = 3;
const SHIFT = 30;

/** A script of [op, slot, size, worker]. */
function scriptOf(events: readonly (readonly [number, number, number, number])[]): Script {
  const words = Int32Array.from(events.flatMap(([op, slot, size]) => [(op << SHIFT) | slot, size]));
  const slotCount = Math.max(...events.map(([, slot]) => slot)) + 1;
  const workers = Uint8Array.from(events, ([, , , worker]) => worker);
  return { words, slotCount, repeat: 1, touch: "first", workers };
}

/** What each event of a script finds in its slot: the block's size and the event that wrote it. */
function replayMerged({ words, slotCount }: Script): string[] {
  const slots: ({ size: number; written: number } | undefined)[] = Array(slotCount);
  return Array.from({ length: words.length / 2 }, (_, event) => {
    const word = words[2 * event] as number;
    const slot = word & (2 ** SHIFT - 1);
    const op = word >>> SHIFT;
    const old = slots[slot];
    if (op === FREE) slots[slot] = undefined;
    else if (op !== WORK) slots[slot] = { size: words[2 * event + 1] as number, written: event };
    return old === undefined ? "empty" : `${old.size} of ${old.written}`;
  });
}

/**
 * The same of the split script, by workers that are scheduled at random. Each waits as it is told
 * to; a place that is not as expected, or a schedule that gets stuck, shows in what is found.
 */
function replaySplit(script: Script, seed: number): string[] {
  const { streams, cellCount } = splitScript(script, workersOf(script));
  const found: string[] = Array(script.words.length / 2).fill("never done");
  type Block = { size: number; written: number } | undefined;
  const cells: Block[] = Array(cellCount);
  const own = streams.map(({ slotCount }): Block[] => Array(slotCount));
  const at = streams.map(() => 0);
  const index = streams.map(() => 0);
  const random = new Random(seed);
  const isReady = (worker: number): boolean => {
    const words = streams[worker]?.words as Int32Array;
    const here = at[worker] as number;
    if (here >= words.length) return false;
    if (((words[here] as number) & IN_CELL) === 0) return true;
    return (at[words[here + 2] as number] as number) >= (words[here + 3] as number);
  };
  for (;;) {
    const ready = streams.flatMap((_, worker) => (isReady(worker) ? [worker] : []));
    if (ready.length === 0) return found;
    const worker = ready[random.below(ready.length)] as number;
    const { words, events } = streams[worker] as (typeof streams)[number];
    for (let turn = random.below(50) + 1; turn > 0 && isReady(worker); turn--) {
      const here = at[worker] as number;
      const event = events[index[worker] as number] as number;
      const word = words[here] as number;
      const blocks = (word & IN_CELL) !== 0 ? cells : (own[worker] as Block[]);
      const place = word & PLACE_MASK;
      const old = blocks[place];
      const op = word >>> SHIFT;
      found[event] = old === undefined ? "empty" : `${old.size} of ${old.written}`;
      if (op === FREE && old?.size !== words[here + 1]) found[event] += ", another size";
      if (script.workers?.[event] !== worker) found[event] += ", another worker";
      if (op === FREE) blocks[place] = undefined;
      else if (op !== WORK) blocks[place] = { size: words[here + 1] as number, written: event };
      at[worker] = here + lengthOf(word);
      index[worker] = (index[worker] as number) + 1;
    }
  }
}

const SHARED = WORKLOADS.filter(({ isForWorkers }) => isForWorkers);

describe.each(SHARED.map((workload) => [workload.name, workload] as const))("%s", (name, own) => {
  it.each([2, 3, 4, 16])("split among %i workers does what it does merged", (workers) => {
    const smoke = own.parameters.map((parameter, at) =>
      parameter.name === "WORKERS" ? String(workers) : String(own.smoke[at]),
    );
    const { script } = readWorkload(name, smoke, { workers: String(workers) });
    expect(workersOf(script)).toBe(workers);
    const merged = replayMerged(script);
    for (const seed of [1, 2, 3]) {
      expect({ seed, found: replaySplit(script, seed) }).toEqual({ seed, found: merged });
    }
  });

  it("of one worker is a script without workers", () => {
    const { script, notes } = readWorkload(name, [], { workers: "1" });
    expect(script.workers).toBeUndefined();
    expect(notes.join(" ")).not.toContain("SharedHeap");
  });
});

describe("a script whose workers end", () => {
  const lives = (name: string, values: string[]): number[] => {
    const { script } = readWorkload(name, values);
    const { streams } = splitScript(script, workersOf(script));
    for (const { ends, words } of streams) {
      for (const end of ends) expect(end).toBeLessThan(words.length);
      expect(Array.from(ends)).toEqual(Array.from(new Set(ends)).sort((a, b) => a - b));
    }
    return streams.map(({ ends }) => ends.length);
  };

  it("says where their successors begin", () => {
    expect(lives("larson", ["10", "300", "100", "7", "3"])).toEqual([2, 2, 2]);
    expect(lives("mstress", ["2", "50", "4", "7"])).toEqual([3, 3]);
    expect(lives("rptest", ["2", "10", "100", "10", "7"])).toEqual([0, 0]);
  });

  it("has the successor's first event there", () => {
    const writer = new ScriptWriter();
    for (const worker of [0, 1]) {
      writer.worker = worker;
      writer.malloc(worker, 8);
      writer.succeed();
    }
    writer.worker = 0;
    writer.free(1);
    writer.free(0);
    const script = writer.finish();
    expect(script.successors).toEqual(Int32Array.of(2));
    const [first, second] = splitScript(script, 2).streams;
    expect(second?.ends).toHaveLength(0);
    expect(first?.ends).toEqual(Int32Array.of(lengthOf(first?.words[0] as number)));
    expect(decodeScript(encodeScript(script))).toEqual(script);
  });
});

/** A script of two workers, of which the first ends after its first block. */
function scriptOfSuccessor(): Script {
  const writer = new ScriptWriter();
  writer.malloc(0, 100);
  writer.worker = 1;
  writer.malloc(1, 8);
  writer.worker = 0;
  writer.succeed();
  writer.malloc(2, 100);
  writer.free(0);
  return writer.finish();
}

describe("a worker that ends", () => {
  it.each([
    ["run", 0],
    ["latency", 0],
    ["check", 4],
  ] as const)("detaches in a %s, and its successor has its blocks", (command, argument) => {
    const script = scriptOfSuccessor();
    const heap = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 2 });
    const [setup] = createSetups(script, splitScript(script, 2), heap) as [Setup];
    const control = new Int32Array(setup.control);
    const worker = new ScriptWorker(setup, heap, () => {});
    control[COMMAND] = COMMANDS.indexOf(command);
    control[ARGUMENT] = argument;
    // The other worker stands at the start line.
    control[READY] = 1;
    worker.obey();
    expect(control[STOP]).toBe(0);
    expect(() => heap.malloc(8)).toThrow("detached");
    const { live, workers, abandonedSlabs } = worker.heap.stats();
    expect(live.blocks).toBe(1);
    expect(workers).toHaveLength(1);
    expect(abandonedSlabs).toBe(0);
    worker.heap.verify();
  });
});

describe("a split script", () => {
  it("keeps in cells only what several workers use", () => {
    const private_ = readWorkload("mid-large-mt", ["4", "1000", "64"]).script;
    expect(splitScript(private_, 4).cellCount).toBe(0);
    const passed = readWorkload("xmalloc-test", ["64", "100", "10"]).script;
    const { cellCount, streams } = splitScript(passed, 4);
    expect(streams.every(({ slotCount }) => slotCount === 0)).toBe(true);
    // Fewer than blocks, so that producers cannot run ahead without bound.
    expect(cellCount).toBeLessThan(2000);
  });

  it("goes through a realloc and work by other workers, and tells what is left", () => {
    const script = scriptOf([
      [MALLOC, 0, 100, 0],
      [REALLOC, 1, 10, 1],
      [REALLOC, 0, 300, 1],
      [WORK, 0, 5, 2],
      [MALLOC, 2, 7, 2],
      [FREE, 0, 0, 0],
      [MALLOC, 0, 9, 1],
    ]);
    for (const seed of [1, 2, 3, 4])
      expect(replaySplit(script, seed)).toEqual(replayMerged(script));
    const { left, cellCount } = splitScript(script, 3);
    expect(cellCount).toBe(1);
    expect(left).toEqual([
      { worker: 1, place: 1, size: 9, written: 6 },
      { worker: 1, place: 0, size: 10, written: 1 },
      { worker: 2, place: 0, size: 7, written: 4 },
    ]);
  });

  it("goes through a file unchanged, and is refused cut", () => {
    for (const events of [5, 6, 7, 8]) {
      const all = Array.from({ length: events }, (_, slot) => [MALLOC, slot, 8, slot % 3] as const);
      const script = scriptOf(all);
      const file = encodeScript(script);
      expect(decodeScript(file)).toEqual(script);
      expect(() => decodeScript(file.subarray(0, -1))).toThrow("no script");
    }
  });

  it("is not made of a script that is repeated, or of one worker's", () => {
    const script = scriptOf([[MALLOC, 0, 8, 1]]);
    expect(() => splitScript({ ...script, repeat: 2 }, 2)).toThrow("several workers");
    const { workers: _, ...single } = script;
    expect(() => splitScript(single, 1)).toThrow("several workers");
  });
});

describe("the latencies of several workers", () => {
  it("have buckets that rise, within 0.4 %", () => {
    let last = -1;
    for (let ns = 1; ns < 2 ** 39; ns = Math.ceil(ns * 1.003)) {
      const bucket = bucketOf(ns);
      expect(bucket).toBeGreaterThanOrEqual(last);
      expect(bucket).toBeLessThan(BUCKETS);
      expect(Math.abs(bucketNs(bucket) - ns) / ns).toBeLessThan(0.0041);
      last = bucket;
    }
    expect(bucketOf(2 ** 50)).toBe(BUCKETS - 1);
  });

  it("are those of all workers together", () => {
    const counts = [1, 2].map(() => new Uint32Array(BUCKETS));
    for (let ns = 1; ns <= 100; ns++) (counts[ns % 2] as Uint32Array)[bucketOf(ns)] = 1;
    expect(curveOf(counts, [0, 50, 99, 100])).toEqual([
      [0, 1],
      [50, 50],
      [99, 99],
      [100, 100],
    ]);
  });
});

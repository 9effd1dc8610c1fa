import type {
  AbCell,
  AbResult,
  BenchResult,
  InspectResult,
  Interval,
  Machine,
  ProfileResult,
  Spread,
  SubjectResult,
  TuneResult,
  WorkloadInfo,
} from "../../bench/base/results.js";
import { buildInspect } from "../../bench/subject/heapMap.js";
import { Random } from "../../bench/workloads/random.js";
import { Heap, OPTION_TABLE, type Ptr } from "../../src/index.js";

/* Results of every kind, with realistic figures that are the same on every call. */

const MACHINE: Machine = {
  cpu: "AMD EPYC 9R14",
  cores: 8,
  platform: "linux x64",
  node: "v24.11.1",
  hakmem: "0.1.0",
  date: "2026-11-22T09:41:07.000Z",
};

function workload(label: string, sentence: string): WorkloadInfo {
  return {
    name: label.split(" ")[0] ?? label,
    label,
    sentence,
    events: 500_000,
    slots: 256,
    peakLiveBytes: 71_248,
    peakLiveBlocks: 148,
  };
}

const CACHE = workload(
  "random-mixed 500000 256 42",
  "A cache of messages: slots toggled at random, 16 to 1039 bytes.",
);

function spread(median: number, share = 0.03): Spread {
  return { median, low: median * (1 - share), high: median * (1 + 1.5 * share) };
}

function interval(median: number, share = 0.02): Interval {
  return { ...spread(median, share), confidence: 0.95 };
}

/** Percentiles in even steps of nines, and the maximum. */
function curveOf(ns: number, random: Random): [number, number][] {
  const curve: [number, number][] = [];
  for (let step = 0; step <= 40; step++) {
    const nines = step / 10;
    const slow = ns * (0.7 + 0.12 * nines ** 2.6) * (1 + 0.1 * random.unit());
    curve.push([100 * (1 - 10 ** -nines), 18 + slow + (nines > 3 ? 400 * (nines - 3) : 0)]);
  }
  const last = curve.at(-1)?.[1] ?? ns;
  curve.push([100, last * 9]);
  let most = 0;
  return curve.map(([percentile, value]) => {
    most = Math.max(most, value);
    return [percentile, most];
  });
}

function at(curve: readonly (readonly [number, number])[], percentile: number): number {
  return curve.find(([own]) => own >= percentile - 1e-9)?.[1] ?? 0;
}

function memoryOf(peakBytes: number, random: Random, isSawtooth: boolean): number[] {
  return Array.from({ length: 60 }, (_, step) => {
    const grown = Math.min(1, (step + 4) / 16);
    const saw = isSawtooth ? 0.55 + 0.45 * ((step % 12) / 12) : 1;
    return Math.round(peakBytes * grown * saw * (0.97 + 0.03 * random.unit()));
  });
}

const SUBJECTS: readonly (readonly [name: string, title: string, ns: number, peakMb: number])[] = [
  ["hakmem", "hakmem", 4.43, 1.2],
  ["hakmem-shared", "hakmem, SharedArrayBuffer", 4.71, 1.3],
  ["pool", "typedarray-pool", 21.6, 2.9],
  ["walloc", "walloc (WebAssembly)", 28.4, 1.9],
  ["tlsf", "AssemblyScript TLSF", 34.2, 2.1],
  ["glibc", "glibc malloc (native)", 12.7, 1.6],
  ["thi.ng", "@thi.ng/malloc", 148, 4.1],
  ["buffer-unsafe", "Buffer.allocUnsafe", 63.9, 11.8],
  ["buffer", "Buffer.alloc", 131, 14.2],
  ["uint8array", "new Uint8Array", 902, 23.7],
];

function subject(index: number, ourNs: number): SubjectResult {
  const [name, title, ns, peakMb] = SUBJECTS[index] as (typeof SUBJECTS)[number];
  const random = new Random(index + 7);
  const curve = curveOf(ns, random);
  const isOurs = name === "hakmem";
  const isCollected = ["buffer-unsafe", "buffer", "uint8array"].includes(name);
  const bytes = memoryOf(peakMb * 1e6, random, isCollected);
  return {
    name,
    title,
    nsPerOp: spread(ns, 0.02 + 0.03 * random.unit()),
    rounds: Array.from({ length: 15 }, () => ns * (0.98 + 0.05 * random.unit())),
    opsPerSecond: 1e9 / ns,
    warmup: { rounds: 4, firstNsPerOp: ns * 3 },
    latency:
      name === "glibc"
        ? null
        : {
            timerNs: 18.2,
            percentiles: {
              p50: at(curve, 50),
              p99: at(curve, 99),
              p999: at(curve, 99.9),
              p9999: at(curve, 99.99),
              max: at(curve, 100),
            },
            curve,
          },
    memory: { peakBytes: Math.max(...bytes), seriesBytes: bytes },
    heap: isOurs
      ? {
          hitRate: 0.9873,
          refills: 412,
          drains: 9,
          slabsOpened: 31,
          peakCommittedBytes: 921_600,
          seriesBytes: memoryOf(921_600, random, false),
        }
      : null,
    collections: isCollected ? 212 : 0,
    collectionMs: isCollected ? 418.3 : 0,
    cpuUserMs: ns * 7.5,
    cpuSystemMs: ns * 0.4,
    ratio: isOurs ? null : interval(ns / ourNs),
    caution: name === "thi.ng" ? "its rounds vary by 31 %; close other programs" : null,
    hash: "9f3ac21b",
  };
}

/** The first subjects, of which hakmem is one. */
export function benchResult(count: number = SUBJECTS.length): BenchResult {
  const options = Object.fromEntries(
    OPTION_TABLE.map((row) => [row.name, row.type === "switch" ? row.default === 1 : row.default]),
  ) as unknown as BenchResult["options"];
  return {
    kind: "hakmem bench",
    version: 1,
    machine: MACHINE,
    workload: CACHE,
    options,
    map: null,
    subjects: Array.from({ length: count }, (_, index) => subject(index, SUBJECTS[0]?.[2] ?? 1)),
    skipped: [{ name: "mimalloc", reason: "not installed; apt-get install libmimalloc-dev" }],
    notes: ["Figures include one write and one read of each block."],
    isInterrupted: false,
  };
}

const AB_WORKLOADS = [
  CACHE,
  workload("tiny-hot 64 100 100000", "A request that frees all its blocks at its end."),
  workload("larson 5 8 1000 5000 100 4141 4", "A server whose threads hand blocks over."),
  workload("glibc-simple", "Blocks of one size, many live."),
];

export function abResult(): AbResult {
  const name = "HAKMEM_TINY_FAST_CAP";
  const values = [64, 200, 512];
  const cells = AB_WORKLOADS.flatMap(({ label }, row) =>
    values.map((value, column): AbCell => {
      const gain = row === 1 ? 1 + 0.002 * column : 1 + 0.06 * column * (row - 0.4);
      const ops = (2.1e8 / (1 + row)) * gain;
      return {
        settings: { [name]: value },
        workload: label,
        nsPerOp: spread(1e9 / ops, 0.01),
        opsPerSecond: interval(ops, 0.012 + 0.006 * row),
        ratio: column === 0 ? null : interval(gain, 0.011),
        slabsOpened: 31 - column,
        refills: Math.round(4120 / (column + 1)),
        drains: 9,
        peakCommittedBytes: 921_600 + 65_536 * column,
        cpuUserMs: 812,
        cpuSystemMs: 31,
        rounds: [1e9 / ops],
      };
    }),
  );
  return {
    kind: "hakmem ab",
    version: 1,
    machine: MACHINE,
    knobs: [{ name, values }],
    workloads: AB_WORKLOADS,
    cells,
    verdicts: AB_WORKLOADS.map(({ label }, row) => ({
      workload: label,
      recommended: row === 1 ? null : { [name]: row === 0 ? 64 : 512 },
      sentence:
        row === 1
          ? "No significant difference: all intervals include 1."
          : `Recommended: ${name}=${row === 0 ? 64 : 512}.`,
    })),
    notes: [],
    isInterrupted: true,
  };
}

export function tuneResult(): TuneResult {
  const [cap, interval_] = ["HAKMEM_TINY_FAST_CAP", "HAKMEM_TINY_SLL_DRAIN_INTERVAL"] as const;
  const random = new Random(11);
  const tried = [32, 64, 128, 200, 512].flatMap((fast) =>
    [256, 1024, 4096, 0].map((drain) => ({
      settings: { [cap]: fast, [interval_]: drain },
      nsPerOp: spread(4.1 + Math.abs(Math.log2(fast / 200)) * 0.3 + random.unit() * 0.4, 0.02),
      rounds: fast === 200 ? 24 : 6,
    })),
  );
  const best = [...tried].sort((a, b) => a.nsPerOp.median - b.nsPerOp.median)[0]?.settings ?? {};
  return {
    kind: "hakmem tune",
    version: 1,
    machine: MACHINE,
    workload: CACHE,
    tried,
    defaults: { [cap]: 64, [interval_]: 1024 },
    best,
    gain: interval(1.118, 0.012),
    notes: ["The best setting was measured anew, in turn with the defaults."],
    isComplete: true,
    isInterrupted: false,
  };
}

export function profileResult(): ProfileResult {
  const names = [
    ["malloc", "allocation", 0.31],
    ["free", "free", 0.27],
    ["run", "workload", 0.16],
    ["smallRefill", "allocation", 0.06],
    ["putFull", "free", 0.05],
    ["touch", "shared", 0.04],
    ["(garbage collector)", "collector", 0.01],
    ["(program)", "program", 0.1],
  ] as const;
  const shares = { allocation: 0, free: 0, shared: 0, workload: 0, collector: 0, program: 0 };
  for (const [, side, share] of names) shares[side] += share;
  return {
    kind: "hakmem profile",
    version: 1,
    machine: MACHINE,
    workload: CACHE,
    samples: 18_412,
    sampledMs: 2301.5,
    functions: names.map(([name, side, share], index) => ({
      name,
      at: `index.js:${602 + 31 * index}`,
      side,
      selfMs: 2301.5 * share,
      samples: Math.round(18_412 * share),
      share,
    })),
    shares,
    verdict: "Allocation takes 37.0 % of the time, free 32.0 %: neither stands out.",
    caution: null,
    notes: [],
  };
}

const BLOCK_SIZES = [16, 32, 48, 64, 128, 256, 512, 1024, 1500, 4096, 9000, 20_000, 33_000];

/** Returns a map of about so many slabs: classes filled unevenly, some spans, gaps between them. */
export function usedHeap(slabs: number): Heap<ArrayBuffer> {
  const heap = Heap.create({ capacity: (slabs + 48) * 65536 + 1_048_576 });
  const random = new Random(5);
  while (heap.stats().slabs.inUse < slabs) {
    const size = BLOCK_SIZES[random.below(BLOCK_SIZES.length)] ?? 64;
    const freed = random.unit() ** 2;
    const ptrs: Ptr[] = [];
    const count = Math.ceil((65536 / size) * random.unit() * 3);
    for (let block = 0; block < count; block++) ptrs.push(heap.malloc(size));
    if (random.below(14) === 0) ptrs.push(heap.malloc(65536 * (1 + random.below(9)) + 4096));
    for (const ptr of ptrs) if (random.unit() < freed) heap.free(ptr);
  }
  return heap;
}

export function inspectResult(slabs = 160): InspectResult {
  return { ...buildInspect(usedHeap(slabs), "server.hkms"), machine: MACHINE };
}

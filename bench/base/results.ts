import type { HeapOptions, HeapStats, SharedHeapStats } from "../../src/index.js";

/*
 * What the commands write with `--json`, and what `hakmem report` reads. Times are ns, memory is
 * bytes unless a name says otherwise. A ratio above 1 means that hakmem, or the setting in
 * question, is faster.
 */

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  readonly hakmem: string;
  /** ISO 8601. */
  readonly date: string;
}

/** A median with its quartiles. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** A median with a confidence interval of it. */
export interface Interval extends Spread {
  /** 0.95 for 95 %. */
  readonly confidence: number;
}

export interface WorkloadInfo {
  readonly name: string;
  /** As on the command line: `random-mixed 500000 256 42`. */
  readonly label: string;
  readonly sentence: string;
  readonly events: number;
  readonly slots: number;
  readonly peakLiveBytes: number;
  readonly peakLiveBlocks: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

export interface SubjectResult {
  readonly name: string;
  readonly title: string;
  readonly nsPerOp: Spread;
  /** ns per op of each measured round, in their order. */
  readonly rounds: readonly number[];
  readonly opsPerSecond: number;
  readonly warmup: { readonly rounds: number; readonly firstNsPerOp: number };
  /** null if it could not be measured in the time allowed. */
  readonly latency: {
    readonly timerNs: number;
    readonly percentiles: Percentiles;
    readonly curve: readonly (readonly [percentile: number, ns: number])[];
  } | null;
  readonly memory: { readonly peakBytes: number; readonly seriesBytes: readonly number[] } | null;
  /** hakmem's own figures of one run through the workload. */
  readonly heap: {
    readonly hitRate: number;
    readonly refills: number;
    readonly drains: number;
    readonly slabsOpened: number;
    readonly peakCommittedBytes: number;
    readonly seriesBytes: readonly number[];
  } | null;
  /** Totals of all measured rounds. */
  readonly collections: number;
  readonly collectionMs: number;
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** Its time / hakmem's time in the same round; null for hakmem itself. */
  readonly ratio: Interval | null;
  /** Why the figures cannot be relied on; null if they can. */
  readonly caution: string | null;
  /** A hash of what was read back: it differs only if a subject is broken. null: unknown. */
  readonly hash: string | null;
  /** For each round, ns of its slowest probe: how disturbed the machine was. */
  readonly probes?: readonly number[];
}

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface BenchResult {
  readonly kind: "hakmem bench";
  readonly version: 1;
  readonly machine: Machine;
  readonly workload: WorkloadInfo;
  readonly options: HeapOptions;
  /** hakmem's slabs when most blocks were live. */
  readonly map: InspectResult | null;
  readonly subjects: readonly SubjectResult[];
  readonly skipped: readonly Skipped[];
  readonly notes: readonly string[];
  /** Whether it was ended before all rounds were measured. */
  readonly isInterrupted: boolean;
  /** Whether all rounds count because too few were quiet. */
  readonly isDisturbed?: boolean;
}

export interface AbCell {
  /** The values of the knobs, by their variables' names. */
  readonly settings: Readonly<Record<string, number>>;
  /** Label of the workload. */
  readonly workload: string;
  readonly nsPerOp: Spread;
  readonly opsPerSecond: Interval;
  /** Throughput / that of the workload's base cell in the same round; null for that cell. */
  readonly ratio: Interval | null;
  /** Figures of one run through the workload in steady state: slabs taken, and so on. */
  readonly slabsOpened: number;
  readonly refills: number;
  readonly drains: number;
  readonly peakCommittedBytes: number;
  /** Totals of all measured rounds. */
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** ns per op. */
  readonly rounds: readonly number[];
  /** For each round, ns of its slowest probe. */
  readonly probes?: readonly number[];
}

export interface AbVerdict {
  readonly workload: string;
  /** null: no significant difference. */
  readonly recommended: Readonly<Record<string, number>> | null;
  readonly sentence: string;
}

export interface AbResult {
  readonly kind: "hakmem ab";
  readonly version: 1;
  readonly machine: Machine;
  readonly knobs: readonly { readonly name: string; readonly values: readonly number[] }[];
  readonly workloads: readonly WorkloadInfo[];
  readonly cells: readonly AbCell[];
  readonly verdicts: readonly AbVerdict[];
  readonly notes: readonly string[];
  readonly isInterrupted: boolean;
  readonly isDisturbed?: boolean;
}

export interface TuneResult {
  readonly kind: "hakmem tune";
  readonly version: 1;
  readonly machine: Machine;
  readonly workload: WorkloadInfo;
  readonly tried: readonly {
    readonly settings: Readonly<Record<string, number>>;
    readonly nsPerOp: Spread;
    readonly rounds: number;
  }[];
  /** The settings that it began with. */
  readonly defaults: Readonly<Record<string, number>>;
  /** Whether all knobs were searched and the best was compared with the defaults. */
  readonly isComplete: boolean;
  /** null: no setting is better than the defaults. */
  readonly best: Readonly<Record<string, number>> | null;
  /** Time with the defaults / time with the best, measured again after the search. */
  readonly gain: Interval | null;
  readonly notes: readonly string[];
  readonly isInterrupted: boolean;
  readonly isDisturbed?: boolean;
}

export interface ProfiledFunction {
  readonly name: string;
  /** Where it is: `index.js:602`. */
  readonly at: string;
  readonly side: "allocation" | "free" | "shared" | "workload" | "collector" | "program";
  readonly selfMs: number;
  readonly samples: number;
  /** Share of all samples, 0 to 1. */
  readonly share: number;
}

export interface ProfileResult {
  readonly kind: "hakmem profile";
  readonly version: 1;
  readonly machine: Machine;
  readonly workload: WorkloadInfo;
  readonly samples: number;
  readonly sampledMs: number;
  readonly functions: readonly ProfiledFunction[];
  readonly shares: Readonly<Record<ProfiledFunction["side"], number>>;
  readonly verdict: string;
  readonly caution: string | null;
  readonly notes: readonly string[];
}

/** One slab of a heap map. The first slab of a span stands for all of them. */
export interface SlabTile {
  /** Byte offset of the slab in the heap. */
  readonly ptr: number;
  readonly slabs: number;
  readonly tier: "tiny" | "pool" | "large";
  readonly blockBytes: number;
  readonly live: number;
  readonly cached: number;
  readonly free: number;
  /** One character per block, in address order: `L` live, `C` cached, `F` free. */
  readonly blocks: string;
}

export interface InspectResult {
  readonly kind: "hakmem inspect";
  readonly version: 1;
  readonly machine: Machine;
  readonly file: string;
  readonly slabBytes: number;
  /** The statistics of a shared heap have each worker's too. */
  readonly stats: HeapStats | SharedHeapStats;
  readonly slabs: readonly SlabTile[];
  /** Share of the slabs in use that is not live, 0 to 1. */
  readonly fragmentation: number;
}

export type Result = BenchResult | AbResult | TuneResult | ProfileResult | InspectResult;

import type { HeapStats } from "../../src/index.js";
import type {
  AbCell,
  AbResult,
  AbVerdict,
  BenchResult,
  InspectResult,
  Interval,
  Machine,
  Percentiles,
  ProfiledFunction,
  ProfileResult,
  Result,
  Skipped,
  SlabTile,
  Spread,
  SubjectResult,
  TuneResult,
  WorkloadInfo,
} from "../base/results.js";
import {
  type Check,
  flag,
  list,
  named,
  nullable,
  number,
  object,
  oneOf,
  optional,
  text,
} from "./shape.js";

const spread = object<Spread>({ median: number, low: number, high: number });
const interval = object<Interval>({
  median: number,
  low: number,
  high: number,
  confidence: number,
});
const settings = named(number);
const version = oneOf(1);
const counted = object<HeapStats["live"]>({ blocks: number, bytes: number });

const machine = object<Machine>({
  cpu: text,
  cores: number,
  platform: text,
  node: text,
  hakmem: text,
  date: text,
});

const workload = object<WorkloadInfo>({
  name: text,
  label: text,
  sentence: text,
  events: number,
  slots: number,
  peakLiveBytes: number,
  peakLiveBlocks: number,
});

const point: Check = (value, at) =>
  list(number)(value, at) ??
  ((value as number[]).length === 2 ? null : `${at} takes a percentile and ns`);

const subject = object<SubjectResult>({
  name: text,
  title: text,
  nsPerOp: spread,
  rounds: list(number),
  opsPerSecond: number,
  warmup: object<SubjectResult["warmup"]>({ rounds: number, firstNsPerOp: number }),
  latency: nullable(
    object<NonNullable<SubjectResult["latency"]>>({
      timerNs: number,
      percentiles: object<Percentiles>({
        p50: number,
        p99: number,
        p999: number,
        p9999: number,
        max: number,
      }),
      curve: list(point),
    }),
  ),
  memory: nullable(
    object<NonNullable<SubjectResult["memory"]>>({ peakBytes: number, seriesBytes: list(number) }),
  ),
  heap: nullable(
    object<NonNullable<SubjectResult["heap"]>>({
      hitRate: number,
      refills: number,
      drains: number,
      slabsOpened: number,
      peakCommittedBytes: number,
      seriesBytes: list(number),
    }),
  ),
  collections: number,
  collectionMs: number,
  cpuUserMs: number,
  cpuSystemMs: number,
  ratio: nullable(interval),
  caution: nullable(text),
  hash: nullable(text),
  probes: optional(list(number)),
});

const stats = object<HeapStats>({
  capacityBytes: number,
  metadataBytes: number,
  live: counted,
  cached: counted,
  free: counted,
  uncarvedBytes: number,
  pooledBytes: number,
  slabs: object<HeapStats["slabs"]>({
    inUse: number,
    pooled: number,
    unused: number,
    opened: number,
  }),
  spans: counted,
  committedBytes: number,
  peakCommittedBytes: number,
  refills: number,
  drains: number,
  mends: number,
  front: nullable(named(number)),
  classes: list(
    object<HeapStats["classes"][number]>({
      class: number,
      tier: text,
      blockBytes: number,
      slabs: number,
      live: counted,
      cached: counted,
      free: counted,
      uncarvedBytes: number,
      refills: number,
      drained: number,
      front: nullable(named(number)),
    }),
  ),
});

const inspect = object<InspectResult>({
  kind: text,
  version,
  machine,
  file: text,
  slabBytes: number,
  stats,
  slabs: list(
    object<SlabTile>({
      ptr: number,
      slabs: number,
      tier: oneOf("tiny", "pool", "large"),
      blockBytes: number,
      live: number,
      cached: number,
      free: number,
      blocks: text,
    }),
  ),
  fragmentation: number,
});

const bench = object<BenchResult>({
  kind: text,
  version,
  machine,
  workload,
  options: named((value, at) => (typeof value === "boolean" ? null : number(value, at))),
  map: nullable(inspect),
  subjects: list(subject),
  skipped: list(object<Skipped>({ name: text, reason: text })),
  notes: list(text),
  isInterrupted: flag,
  isDisturbed: optional(flag),
});

const ab = object<AbResult>({
  kind: text,
  version,
  machine,
  knobs: list(object<AbResult["knobs"][number]>({ name: text, values: list(number) })),
  workloads: list(workload),
  cells: list(
    object<AbCell>({
      settings,
      workload: text,
      nsPerOp: spread,
      opsPerSecond: interval,
      ratio: nullable(interval),
      slabsOpened: number,
      refills: number,
      drains: number,
      peakCommittedBytes: number,
      cpuUserMs: number,
      cpuSystemMs: number,
      rounds: list(number),
      probes: optional(list(number)),
    }),
  ),
  verdicts: list(
    object<AbVerdict>({ workload: text, recommended: nullable(settings), sentence: text }),
  ),
  notes: list(text),
  isInterrupted: flag,
  isDisturbed: optional(flag),
});

const tune = object<TuneResult>({
  kind: text,
  version,
  machine,
  workload,
  tried: list(object<TuneResult["tried"][number]>({ settings, nsPerOp: spread, rounds: number })),
  defaults: settings,
  best: nullable(settings),
  gain: nullable(interval),
  isComplete: flag,
  notes: list(text),
  isInterrupted: flag,
  isDisturbed: optional(flag),
});

const SIDES = ["allocation", "free", "shared", "workload", "collector", "program"] as const;

const profile = object<ProfileResult>({
  kind: text,
  version,
  machine,
  workload,
  samples: number,
  sampledMs: number,
  functions: list(
    object<ProfiledFunction>({
      name: text,
      at: text,
      side: oneOf(...SIDES),
      selfMs: number,
      samples: number,
      share: number,
    }),
  ),
  shares: object<ProfileResult["shares"]>({
    allocation: number,
    free: number,
    shared: number,
    workload: number,
    collector: number,
    program: number,
  }),
  verdict: text,
  caution: nullable(text),
  notes: list(text),
});

const CHECKS: Readonly<Record<Result["kind"], Check>> = {
  "hakmem bench": bench,
  "hakmem ab": ab,
  "hakmem tune": tune,
  "hakmem profile": profile,
  "hakmem inspect": inspect,
};

/** Parses a result. @throws {Error} that says in one line what is wrong with it. */
export function parseResult(json: string): Result {
  if (json.trim() === "") throw new Error("is empty");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    // The message quotes the file, which may hold bytes that a terminal obeys.
    const line = (error as Error).message.replace(/[\p{C}\s]+/gu, " ");
    throw new Error(`is no JSON, or cut off: ${line}`);
  }
  const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : null;
  if (typeof kind !== "string" || !Object.hasOwn(CHECKS, kind)) {
    throw new Error(`is no result of hakmem bench, ab, tune, profile or inspect`);
  }
  const problem = CHECKS[kind as Result["kind"]](value, "");
  if (problem !== null) throw new Error(`is a damaged result of ${kind}: ${problem.slice(1)}`);
  return value as Result;
}

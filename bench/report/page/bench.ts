import type { BenchResult, SubjectResult } from "../../base/results.js";
import { type Child, type Column, element, facts, hint, notes, part, table } from "./dom.js";
import {
  formatConfidence,
  formatCount,
  formatMegabytes,
  formatMillions,
  formatNs,
  formatPercent,
  formatRatio,
  NONE,
} from "./format.js";
import { heapMap } from "./heapMap.js";
import { latencyCurves, memoryCurves } from "./series.js";

export const isOurs = (subject: SubjectResult): boolean => subject.name === "hakmem";

function bar(subject: SubjectResult, mostOps: number): HTMLElement {
  const { low, high } = subject.nsPerOp;
  const share = (ops: number): number => Math.min(100, (100 * ops) / mostOps);
  const filled = element("span", { class: "bar" });
  filled.style.width = `${share(subject.opsPerSecond)}%`;
  const whisker = element("span", { class: "whisker" });
  const [from, to] = [share(1e9 / Math.max(high, 1e-3)), share(1e9 / Math.max(low, 1e-3))];
  whisker.style.left = `${from}%`;
  whisker.style.width = `${to - from}%`;
  return element(
    "li",
    { class: isOurs(subject) ? "ours" : "" },
    element("span", { class: "name" }, subject.title),
    element("span", { class: "track", "aria-hidden": "true" }, filled, whisker),
    element("span", { class: "value" }, `${formatMillions(subject.opsPerSecond)} M ops/s`),
    element("span", { class: "ratio" }, subject.ratio === null ? "" : formatRatio(subject.ratio)),
  );
}

function bars(subjects: readonly SubjectResult[]): HTMLElement {
  const most = Math.max(
    ...subjects.map(({ opsPerSecond, nsPerOp }) =>
      Math.max(opsPerSecond, 1e9 / Math.max(nsPerOp.low, 1e-3)),
    ),
  );
  const interval = subjects.find(({ ratio }) => ratio !== null)?.ratio ?? null;
  const about =
    interval === null
      ? ""
      : ` The ratio is its time divided by hakmem's, with its ${formatConfidence(interval)}` +
        " interval: above 1×, hakmem is faster.";
  return element(
    "figure",
    {},
    element(
      "figcaption",
      {},
      "Millions of operations a second; longer is faster. " +
        `The thin line spans the quartiles.${about}`,
    ),
    element("ol", { class: "bars" }, ...subjects.map((subject) => bar(subject, most))),
  );
}

type SubjectColumn = Column<SubjectResult> & { readonly isLeftOut?: boolean };

const SUBJECT: SubjectColumn = { title: "subject", cell: ({ title }) => title };

const PERCENTILES = [
  ["p50 ns", "p50"],
  ["p99 ns", "p99"],
  ["p99.9 ns", "p999"],
  ["p99.99 ns", "p9999"],
  ["max ns", "max"],
] as const;

function figureColumns(subjects: readonly SubjectResult[]): SubjectColumn[] {
  return [
    SUBJECT,
    { title: "ns per\u00a0op", cell: ({ nsPerOp }) => formatNs(nsPerOp.median) },
    {
      title: "quartiles",
      cell: ({ nsPerOp }) => `${formatNs(nsPerOp.low)} – ${formatNs(nsPerOp.high)}`,
    },
    {
      title: "time ÷ hakmem's",
      cell: ({ ratio }) => (ratio === null ? NONE : formatRatio(ratio)),
      isLeftOut: subjects.every(({ ratio }) => ratio === null),
    },
    ...PERCENTILES.map(([title, key]) => ({
      title,
      cell: ({ latency }: SubjectResult) =>
        latency === null ? NONE : formatNs(latency.percentiles[key]),
      isLeftOut: subjects.every(({ latency }) => latency === null),
    })),
    {
      title: "peak MB",
      cell: ({ memory }) => (memory === null ? NONE : formatMegabytes(memory.peakBytes)),
      isLeftOut: subjects.every(({ memory }) => memory === null),
    },
    { title: "collec\u00adtions", cell: ({ collections }) => formatCount(collections) },
  ];
}

const RUN_COLUMNS: readonly SubjectColumn[] = [
  SUBJECT,
  { title: "rounds", cell: ({ rounds }) => formatCount(rounds.length) },
  { title: "rounds to warm up", cell: ({ warmup }) => formatCount(warmup.rounds) },
  { title: "ns per op of the first", cell: ({ warmup }) => formatNs(warmup.firstNsPerOp) },
  { title: "collection ms", cell: ({ collectionMs }) => collectionMs.toFixed(1) },
  { title: "CPU ms, user", cell: ({ cpuUserMs }) => formatCount(Math.round(cpuUserMs)) },
  { title: "CPU ms, system", cell: ({ cpuSystemMs }) => formatCount(Math.round(cpuSystemMs)) },
  { title: "hash of what was read", cell: ({ hash }) => hash ?? NONE },
];

function heapFacts(subjects: readonly SubjectResult[]): Child {
  const heap = subjects.find((subject) => subject.heap !== null)?.heap;
  if (heap == null) return null;
  return facts([
    ["front-cache hits", formatPercent(heap.hitRate)],
    ["refills", formatCount(heap.refills)],
    ["drains", formatCount(heap.drains)],
    ["slabs opened", formatCount(heap.slabsOpened)],
    ["peak committed", `${formatMegabytes(heap.peakCommittedBytes)} MB`],
  ]);
}

function cautions({ subjects, isInterrupted }: BenchResult): string[] {
  const hashes = new Set(subjects.map(({ hash }) => hash).filter((hash) => hash !== null));
  return [
    ...(isInterrupted ? ["Interrupted: not all rounds were measured."] : []),
    ...(hashes.size > 1 ? ["The hashes differ: one of the subjects is broken."] : []),
    ...subjects.flatMap(({ title, caution }) => (caution === null ? [] : [`${title}: ${caution}`])),
  ];
}

function figures(
  caption: string,
  columns: readonly SubjectColumn[],
  subjects: readonly SubjectResult[],
): HTMLElement {
  const shown = columns.filter(({ isLeftOut }) => isLeftOut !== true);
  return table(caption, shown, subjects, (subject) => (isOurs(subject) ? "ours" : ""));
}

export function benchParts(result: BenchResult): Child[] {
  const { workload, skipped } = result;
  const subjects = [...result.subjects].sort((a, b) => b.opsPerSecond - a.opsPerSecond);
  const timer = subjects.find(({ latency }) => latency !== null)?.latency?.timerNs;
  return [
    facts([
      ["events", formatCount(workload.events)],
      ["slots", formatCount(workload.slots)],
      ["peak live", `${formatMegabytes(workload.peakLiveBytes)} MB`],
      ["peak live blocks", formatCount(workload.peakLiveBlocks)],
    ]),
    notes("caution", cautions(result)),
    subjects.length === 0
      ? hint("No subject was measured.")
      : part(
          "Throughput",
          bars(subjects),
          figures("Figures, fastest first", figureColumns(subjects), subjects),
        ),
    part(
      "Latency",
      latencyCurves(subjects),
      timer === undefined ? null : hint(`One reading of the clock takes ${formatNs(timer)} ns.`),
    ),
    part("Memory over the run", memoryCurves(subjects)),
    subjects.length === 0
      ? null
      : part("Rounds", figures("Of all measured rounds", RUN_COLUMNS, subjects)),
    part("Inside hakmem's heap, in one run", heapFacts(subjects)),
    part(
      "hakmem's slabs when most blocks were live",
      result.map === null || result.map.slabs.length === 0 ? null : heapMap(result.map),
    ),
    part(
      "Settings",
      facts(Object.entries(result.options).map(([name, value]) => [name, String(value)])),
    ),
    notes("note", [
      ...skipped.map(({ name, reason }) => `Skipped ${name}: ${reason}`),
      ...result.notes,
    ]),
  ];
}

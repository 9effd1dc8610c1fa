import type { Command } from "commander";
import { addKnobs, readKnobs } from "../base/knobs.js";
import { describeMachine } from "../base/machine.js";
import type { BenchResult, Percentiles, SubjectResult } from "../base/results.js";
import { RunError, type Session } from "../base/session.js";
import { BUILD_PREFIX, readRivals, SHARED_BUILD_PREFIX, SUBJECTS } from "../rivals/table.js";
import { runBench } from "../run/bench.js";
import {
  formatCount,
  formatInterval,
  formatMegabytes,
  formatNs,
  formatPercent,
  formatRatio,
} from "../term/format.js";
import { addJson, writeResult } from "../term/json.js";
import { paint } from "../term/paint.js";
import { type Column, printTable } from "../term/table.js";
import {
  addWorkload,
  describeWorkloads,
  readWorkload,
  type WorkloadFlags,
} from "../workloads/resolve.js";
import { addPlan, BENCH_PLAN, readPlan } from "./plan.js";

interface BenchFlags extends WorkloadFlags {
  readonly against?: string;
  readonly rounds: number;
  readonly roundMs: number;
  readonly limit: number;
  readonly json?: string;
}

export function registerBench(program: Command, session: Session): void {
  const command = program
    .command("bench")
    .description("Measures a workload on hakmem, and on rivals in the same run.")
    .argument("<workload>", "one of those below")
    .argument("[arguments...]", "the workload's, in its order")
    .option("--against <list>", "rivals, by commas: all, javascript, wasm, native, or their names")
    .addHelpText("after", () => describeWorkloads())
    .addHelpText("after", () => describeRivals());
  addKnobs(addPlan(addWorkload(addJson(command)), BENCH_PLAN));
  command.action(async (name: string, values: string[], flags: BenchFlags) => {
    const rivals = readRivals(flags.against);
    const options = readKnobs(session.options, flags);
    const workload = readWorkload(name, values, flags);
    const result = await runBench(workload, rivals, options, readPlan(flags), session.signal);
    if (writeResult(result, flags.json)) printBench(result);
    if (result.isInterrupted) throw new RunError("interrupted: what was measured is shown above");
  });
}

function describeRivals(): string {
  const rows = SUBJECTS.filter(({ name }) => name !== "hakmem").map(
    ({ name, title }) => `  ${name.padEnd(16)} ${title}`,
  );
  const builds = [
    `  ${`${BUILD_PREFIX}DIR`.padEnd(16)} a build with DIR/dist/index.js`,
    `  ${`${SHARED_BUILD_PREFIX}DIR`.padEnd(16)} the same, a SharedHeap`,
  ];
  return `\nRivals:\n${[...rows, ...builds].join("\n")}`;
}

const TIMES: readonly Column[] = [
  { name: "subject", title: "", align: "left" },
  { name: "ns", title: "ns per op" },
  { name: "spread", title: "quartiles" },
  { name: "mops", title: "M ops/s" },
  { name: "ratio", title: "time / hakmem" },
  { name: "interval", title: "95 % interval" },
  { name: "peak", title: "peak memory, MB" },
  { name: "gcs", title: "collections" },
  { name: "gcms", title: "collecting, ms" },
];

const LATENCIES: readonly Column[] = [
  { name: "subject", title: "latency of an event", align: "left" },
  { name: "p50", title: "p50" },
  { name: "p99", title: "p99" },
  { name: "p999", title: "p99.9" },
  { name: "p9999", title: "p99.99" },
  { name: "max", title: "max" },
];

/** Prints a result for people. */
export function printBench(result: BenchResult): void {
  const { workload, subjects } = result;
  console.log(`${paint("bold", workload.label)}  ${paint("dim", describeMachine(result.machine))}`);
  console.log(`${workload.sentence} ${formatCount(workload.events)} events a run.\n`);
  printTable(TIMES, subjects.map(toTimes));
  console.log("");
  const timed = subjects.filter(({ latency }) => latency !== null);
  if (timed.length > 0) printTable(LATENCIES, timed.map(toLatencies));
  printHeap(subjects);
  for (const [caution, titles] of groupCautions(subjects)) {
    console.log(paint("yellow", `${titles.join("; ")}: ${caution}.`));
  }
  for (const note of result.notes) console.log(note);
  for (const { name, reason } of result.skipped) console.log(`Skipped ${name}: ${reason}`);
}

function groupCautions(subjects: readonly SubjectResult[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { title, caution } of subjects) {
    if (caution !== null) groups.set(caution, [...(groups.get(caution) ?? []), title]);
  }
  return groups;
}

function toTimes(subject: SubjectResult): Record<string, string> {
  const { nsPerOp, ratio, memory } = subject;
  return {
    subject: subject.title,
    ns: formatNs(nsPerOp.median),
    spread: `${formatNs(nsPerOp.low)}–${formatNs(nsPerOp.high)}`,
    mops: (subject.opsPerSecond / 1e6).toFixed(1),
    ratio: ratio === null ? "1" : formatRatio(ratio.median),
    interval: ratio === null ? "" : formatInterval(ratio),
    peak: memory === null ? "-" : formatMegabytes(memory.peakBytes),
    gcs: String(subject.collections),
    gcms: subject.collectionMs.toFixed(0),
  };
}

function toLatencies({ title, latency }: SubjectResult): Record<string, string> {
  // The timer cannot tell 1 ns from nothing.
  const format = (ns = Number.NaN): string => (ns <= 1 ? "< 1" : formatNs(ns));
  const { p50, p99, p999, p9999, max }: Partial<Percentiles> = latency?.percentiles ?? {};
  return {
    subject: title,
    p50: format(p50),
    p99: format(p99),
    p999: format(p999),
    p9999: format(p9999),
    max: format(max),
  };
}

function printHeap(subjects: readonly SubjectResult[]): void {
  const own = subjects.find(({ heap }) => heap !== null);
  if (own?.heap === null || own === undefined) return;
  const { hitRate, refills, drains, slabsOpened, peakCommittedBytes } = own.heap;
  const committed = formatMegabytes(peakCommittedBytes);
  const { rounds, firstNsPerOp } = own.warmup;
  console.log(
    `\nhakmem, in one run: front-cache hit rate ${formatPercent(hitRate)}, ` +
      `${formatCount(refills)} refills, ${formatCount(drains)} drains, ` +
      `${formatCount(slabsOpened)} slabs taken, ${committed} MB committed.`,
  );
  console.log(
    `Warm-up: ${rounds} rounds, the first at ${formatNs(firstNsPerOp)} ns per op; ` +
      `then ${own.rounds.length} rounds measured, each in a process of its own.\n`,
  );
}

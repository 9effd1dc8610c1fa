/** Runs one workload on one subject and prints its figures as JSON: a process of its own each. */
import { existsSync, writeFileSync } from "node:fs";
import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { median, steady } from "../../src/cli/statistics.js";
import { readTrace } from "../../src/cli/traceFile.js";
import { SUBJECTS } from "./subjects.js";
import { freeAll, randomMixed, replayTrace } from "./workloads.js";

export interface Figures {
  nsPerOp: number;
  peakBytes: number;
  collections: number;
  collectionMs: number;
}

const [workload = "", subjectName = "", rounds = "8"] = process.argv.slice(2);
const create = SUBJECTS[subjectName];
if (create === undefined) throw new Error(`no subject ${subjectName}`);
const trace = workload.startsWith("random-mixed")
  ? undefined
  : readTrace(`bench/traces/${workload}.hkt.gz`);
const slots = new Array<unknown>(trace?.slotCount ?? 256).fill(undefined);

// What reading the trace has left behind must not be taken for room: it is collected first (V8
// frees buffers in the background), and Linux is told to forget the peak so far.
(globalThis as { gc?: () => void }).gc?.();
await new Promise((resolve) => setTimeout(resolve, 100));
if (existsSync("/proc/self/clear_refs")) writeFileSync("/proc/self/clear_refs", "5");
const before = process.memoryUsage.rss();
let collections = 0;
let collectionMs = 0;
const count = (entries: readonly PerformanceEntry[]): void => {
  for (const entry of entries) {
    collections++;
    collectionMs += entry.duration;
  }
};
const observer = new PerformanceObserver((list) => count(list.getEntries()));
observer.observe({ entryTypes: ["gc"] });

const subject = create();
const times: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const start = process.hrtime.bigint();
  const ops =
    trace === undefined
      ? randomMixed(subject, 1_000_000, slots, 42)
      : replayTrace(subject, trace, slots);
  times.push(Number(process.hrtime.bigint() - start) / ops);
  freeAll(subject, slots);
  await new Promise((resolve) => setImmediate(resolve));
  count(observer.takeRecords());
}
const figures: Figures = {
  nsPerOp: median(steady(times)),
  peakBytes: process.resourceUsage().maxRSS * 1024 - before,
  collections,
  collectionMs,
};
console.log(JSON.stringify(figures));

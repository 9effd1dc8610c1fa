/**
 * `npm start`: a recorded trace of a real program and HAKMEM's random-mixed through hakmem, beside
 * what JavaScript programs use today. Takes about half a minute.
 */
import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { promisify } from "node:util";
import { startProgress } from "../../src/cli/term/progress.js";
import { type Column, printTable } from "../../src/cli/term/table.js";
import { SUBJECTS } from "./subjects.js";
import type { Figures } from "./worker.js";

const run = promisify(execFile);
const ROUNDS = 8;

const WORKLOADS = [
  { name: "redis", title: "redis trace: 1,500,000 events, 64,546 slots" },
  { name: "python", title: "python trace: 1,337,323 events, 150,968 slots" },
  { name: "random-mixed", title: "random-mixed 1000000 256 42: 16..1039 B" },
];

const COLUMNS: readonly Column[] = [
  { name: "subject", title: "", align: "left" },
  { name: "ns", title: "ns per op" },
  { name: "mops", title: "M ops/s" },
  { name: "peak", title: "peak memory, MB" },
  { name: "gcs", title: "collections" },
  { name: "gcms", title: "collecting, ms" },
  { name: "speed", title: "time / hakmem" },
];

async function measure(workload: string, subject: string): Promise<Figures> {
  const argv = [
    "--expose-gc",
    "--import",
    "tsx",
    "bench/start/worker.ts",
    workload,
    subject,
    String(ROUNDS),
  ];
  return JSON.parse((await run(process.execPath, argv)).stdout) as Figures;
}

function toRow(subject: string, figures: Figures, own: Figures): Record<string, string> {
  return {
    subject,
    ns: figures.nsPerOp.toFixed(1),
    mops: (1000 / figures.nsPerOp).toFixed(1),
    peak: (figures.peakBytes / 1e6).toFixed(1),
    gcs: String(figures.collections),
    gcms: figures.collectionMs.toFixed(0),
    speed: `${(figures.nsPerOp / own.nsPerOp).toFixed(1)}×`,
  };
}

async function main(): Promise<void> {
  const subjects = Object.keys(SUBJECTS);
  const progress = startProgress(WORKLOADS.length * subjects.length);
  console.log(`hakmem on Node ${process.version}, ${cpus()[0]?.model ?? "unknown CPU"}`);
  for (const { name, title } of WORKLOADS) {
    const results = new Map<string, Figures>();
    for (const subject of subjects) {
      progress.step(`${name}: ${subject}`);
      results.set(subject, await measure(name, subject));
    }
    const own = results.get("hakmem") as Figures;
    console.log(`\n${title}; ${ROUNDS} rounds\n`);
    printTable(
      COLUMNS,
      [...results].map(([subject, figures]) => toRow(subject, figures, own)),
    );
  }
  progress.done();
  console.log("\nTimes are medians of the later half of the rounds; memory is growth of peak RSS.");
}

main().catch((error: unknown) => {
  console.error(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

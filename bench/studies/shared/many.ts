/** The workloads of several workers at 1 to 16 workers: rates, and memory within its bound. */
import { mkdirSync } from "node:fs";
import { writeScript } from "../../measure/scriptFile.js";
import { scriptCommand } from "../../measure/subjectProcess.js";
import { cell, printRows } from "../../term/table.js";
import { readWorkload } from "../../workloads/resolve.js";
import { asShared, type Script } from "../../workloads/script.js";
import { boundOf } from "./bound.js";
import { measureRates, type SharedRun } from "./rates.js";

/** The arguments of each: a run of some 10 ms on one worker. */
const WORKLOADS: Readonly<Record<string, (workers: string) => string[]>> = {
  larson: (workers) => ["1000", "50000", "20000", "42", workers],
  mstress: (workers) => [workers, "1000", "8"],
  rptest: (workers) => [workers, "200"],
  "cache-scratch": (workers) => [workers, "1000"],
  "cache-thrash": (workers) => [workers, "1000"],
};
export const MANY: readonly string[] = Object.keys(WORKLOADS);

const WORKERS = [1, 2, 4, 8, 16];
const CAPACITY = 2 ** 29;
const FOLDER = "build/studies/shared";

/** Returns the script of a workload on so many workers of a shared heap. */
function manyScript(name: string, workers: number): Script {
  return asShared(readWorkload(name, WORKLOADS[name]?.(String(workers)) ?? []).script);
}

/** What a workload has committed on so many workers, and what it may. */
export interface Peak {
  readonly workers: number;
  readonly bytes: number;
  readonly bound: number;
}

/** Measures a workload at each number of workers, in turn. */
export async function measureWorkload(
  name: string,
  run: SharedRun,
  counts: readonly number[] = WORKERS,
): Promise<Peak[]> {
  mkdirSync(FOLDER, { recursive: true });
  const bounds: number[] = [];
  const subjects = counts.map((workers) => {
    const script = manyScript(name, workers);
    const file = `${FOLDER}/${name}-${workers}.script`;
    writeScript(file, script);
    bounds.push(boundOf(script, CAPACITY));
    const command = scriptCommand("hakmem", file, { capacity: CAPACITY });
    return { ...command, name: `many ${name} ${workers}` };
  });
  const peaks = await measureRates(subjects, Math.max(...counts), run);
  return peaks.map((bytes, index) => ({
    workers: counts[index] as number,
    bytes,
    bound: bounds[index] as number,
  }));
}

/** Measures the workloads so named. The run fails where one commits more than its bound. */
export async function measureMany(names: readonly string[], run: SharedRun): Promise<void> {
  const { figures } = run;
  const rows: string[][] = [];
  for (const name of names) {
    for (const { workers, bytes, bound } of await measureWorkload(name, run)) {
      figures.add(`many ${name} ${workers} peakBytes`, bytes);
      if (bytes > bound) {
        console.error(`${name}, ${workers} workers: ${bytes} bytes, above the bound of ${bound}`);
        process.exitCode = 1;
      }
      rows.push([
        name,
        String(workers),
        cell(figures.middle(`many ${name} ${workers}`)),
        `${cell(figures.ratio(`many ${name} ${workers}`, `many ${name} 1`))}×`,
        cell(bytes / 1e6),
        cell(bound / 1e6),
        cell(bytes / bound),
      ]);
    }
  }
  printRows(
    "Many workers, millions of operations per second; peakCommittedBytes and its bound, MB",
    ["", "workers", "rate", "to one worker", "peak", "bound", "peak / bound"],
    rows,
  );
}

import { existsSync, readFileSync } from "node:fs";
import { SUMMED, type Sums, sumCounts } from "../support/countsFile.js";

/** How often a step ended in each way, how long it took, and what it counted. */
export interface Sum extends Sums {
  passed: number;
  failed: number;
  cut: number;
  ms: number;
}

const NUMBERS = ["passed", "failed", "cut", ...SUMMED] as const;
const TITLES = ["passed", "failed", "cut", "property runs", "schedules", "kills", "of recoverers"];

export function emptySum(): Sum {
  return { passed: 0, failed: 0, cut: 0, ms: 0, ...sumCounts("") };
}

/** Adds what a step counted, which it may have done only until it was cut. */
export function sumFile(path: string, sum: Sum): void {
  if (!existsSync(path)) return;
  const counts = sumCounts(readFileSync(path, "utf8"));
  for (const name of SUMMED) sum[name] += counts[name];
}

export function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function lineOf(name: string, cells: readonly string[], time: string): string {
  const columns = cells.map((cell, index) => cell.padStart((TITLES[index] ?? "").length + 3));
  return name.padEnd(12) + columns.join("") + time.padStart(11);
}

/** Prints what each step did, and all together. Returns the sums of all. */
export function showSums(sums: ReadonlyMap<string, Sum>): Sum {
  const total = emptySum();
  for (const sum of sums.values()) {
    for (const name of [...NUMBERS, "ms"] as const) total[name] += sum[name];
  }
  console.log(`\n${lineOf("step", TITLES, "time")}`);
  for (const [name, sum] of [...sums, ["together", total] as const]) {
    const cells = NUMBERS.map((column) => sum[column].toLocaleString("en"));
    console.log(lineOf(name, cells, clock(sum.ms)));
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  return total;
}

/** Loops and traces over a worker's own blocks: cases of bench:native, SharedHeap beside Heap. */
import { geometricMean, median, quartiles } from "../../base/statistics.js";
import type { Measured } from "../../measure/inTurn.js";
import { Subjects } from "../../measure/subjects.js";
import { formatInterval } from "../../term/format.js";
import { cell, printRows } from "../../term/table.js";
import { type Case, listCases } from "../native/cases.js";
import { measureCase, ratioOf, timesOf } from "../native/measure.js";
import type { SharedRun } from "./rates.js";

const HEAP = "hakmem";
const SHARED = "hakmem-shared";
/** Operations in a slice of a loop. */
const OPERATIONS = 4_000_000;
const FIXED = /^(lifo|batch (64|256)$)/;

const CASES: readonly Case[] = listCases(OPERATIONS).filter(
  ({ group, name }) =>
    group === "trace" || group === "random" || (group === "fixed" && FIXED.test(name)),
);
const nameOf = ({ group, name }: Case): string => (group === "fixed" ? name : `${group} ${name}`);

export const LOCAL: readonly string[] = CASES.map(nameOf);

/** Measures the cases so named. */
export async function measureLocal(names: readonly string[], run: SharedRun): Promise<void> {
  const { figures, disturbed } = run;
  const subjects = await Subjects.find([HEAP, SHARED]);
  const rows: string[][] = [];
  const ratios: number[] = [];
  for (const entry of CASES.filter((own) => names.includes(nameOf(own)))) {
    const name = nameOf(entry);
    const common = { ...run, subjects };
    const [alone, shared] = (await measureCase(entry, common)) as [Measured, Measured];
    if (run.signal.aborted) throw new Error("interrupted");
    for (const measured of [alone, shared]) {
      const key = `local ${name} ${measured.command.name}`;
      for (const ns of timesOf(measured)) figures.add(key, ns);
    }
    if (shared.isDisturbed) disturbed.add(`local ${name}`);
    const [low, high] = quartiles(timesOf(shared));
    const ratio = ratioOf(shared, alone);
    ratios.push(ratio.median);
    rows.push([
      name,
      cell(median(timesOf(shared))),
      `${cell(low)}–${cell(high)}`,
      cell(median(timesOf(alone))),
      `${cell(ratio.median)}×`,
      formatInterval(ratio),
    ]);
  }
  const mean = ["geometric mean", "", "", "", `${cell(geometricMean(ratios))}×`, ""];
  const asked = "SharedHeap / Heap (asked: 1.15)";
  const titles = ["", "SharedHeap", "quartiles", "Heap", asked, "95 % interval"];
  printRows("Own blocks, ns per operation", titles, [...rows, mean]);
}

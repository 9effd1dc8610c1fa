/** Loops over a worker's own blocks: SharedHeap beside Heap. */
import { geometricMean, median, quartiles } from "../../base/statistics.js";
import { Quiet } from "../../measure/quiet.js";
import { Subjects } from "../../measure/subjects.js";
import { DISTURBED } from "../../measure/turns.js";
import { formatInterval } from "../../term/format.js";
import { cell, printRows } from "../../term/table.js";
import { type Case, listCases } from "../native/cases.js";
import { measureCase, ratioOf, timesOf } from "../native/measure.js";
import type { Settings } from "./rates.js";

/** Operations in a round of a loop. */
const OPERATIONS = 4_000_000;

const isLocal = ({ group, name }: Case): boolean =>
  group === "trace" || group === "random" || /^lifo|^batch (64|256)$/.test(name);

const nameOf = ({ group, name }: Case): string => (group === "fixed" ? name : `${group} ${name}`);

const CASES = listCases(OPERATIONS).filter(isLocal);

export const LOCAL: readonly string[] = CASES.map(nameOf);

export async function measureLocal(
  names: readonly string[],
  { turns, figures, progress }: Settings,
  rounds: string,
): Promise<void> {
  const subjects = await Subjects.find(["hakmem", "hakmem-shared"]);
  const { signal } = new AbortController();
  const common = { turns, rounds: Number(rounds), quiet: new Quiet() };
  const rows: string[][] = [];
  const ratios: number[] = [];
  let isDisturbed = false;
  for (const entry of CASES.filter((one) => names.includes(nameOf(one)))) {
    const name = nameOf(entry);
    const measured = await measureCase(entry, { ...common, subjects, progress, signal });
    const [alone, shared] = measured;
    if (alone === undefined || shared === undefined) continue;
    for (const [title, one] of [["Heap", alone] as const, ["SharedHeap", shared] as const]) {
      for (const time of timesOf(one)) figures.add(`local ${name} ${title}`, time);
    }
    isDisturbed ||= shared.isDisturbed;
    const [low, high] = quartiles(timesOf(shared));
    const ratio = ratioOf(shared, alone);
    ratios.push(ratio.median);
    rows.push([
      `${name}${shared.isDisturbed ? " *" : ""}`,
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
  if (isDisturbed) console.log(`* ${DISTURBED}`);
}

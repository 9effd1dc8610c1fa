/** Loops and traces over a worker's own blocks: cases of bench:native, SharedHeap beside Heap. */
import type { Interval } from "../../base/results.js";
import { geometricMean, MIN_ROUNDS, median, quartiles } from "../../base/statistics.js";
import type { Measured } from "../../measure/inTurn.js";
import { Subjects } from "../../measure/subjects.js";
import { SHARED_BUILD_PREFIX } from "../../rivals/table.js";
import { formatInterval } from "../../term/format.js";
import { cell, printRows } from "../../term/table.js";
import { type Case, listCases } from "../native/cases.js";
import { measureCase, ratioOf, timesOf } from "../native/measure.js";
import type { SharedRun } from "./rates.js";

const HEAP = "hakmem";
const SHARED = "hakmem-shared";
/** Fewer turns have no 95 % interval. */
export const LOCAL_TURNS: number = MIN_ROUNDS;
const ASKED = "SharedHeap / Heap (asked: 1.15)";
/** Operations in a slice of a loop. */
const OPERATIONS = 4_000_000;
const FIXED = /^(lifo|batch (64|256)$)/;

const CASES: readonly Case[] = listCases(OPERATIONS).filter(
  ({ group, name }) =>
    group === "trace" || group === "random" || (group === "fixed" && FIXED.test(name)),
);
const nameOf = ({ group, name }: Case): string => (group === "fixed" ? name : `${group} ${name}`);

export const LOCAL: readonly string[] = CASES.map(nameOf);

/** Measures the cases so named; beside them, if it is given, the SharedHeap of another build. */
export async function measureLocal(
  names: readonly string[],
  run: SharedRun,
  build?: string,
): Promise<void> {
  const others = build === undefined ? [] : [`${SHARED_BUILD_PREFIX}${build}`];
  const subjects = await Subjects.find([HEAP, SHARED, ...others]);
  const local = { ...run, subjects, turns: Math.max(LOCAL_TURNS, run.turns) };
  const cases: Result[] = [];
  for (const entry of CASES.filter((own) => names.includes(nameOf(own)))) {
    let all: Measured[];
    try {
      all = await measureCase(entry, local);
    } catch (error) {
      if (!run.signal.aborted) throw error;
      break;
    }
    const [heap, shared, built] = all as [Measured, Measured, Measured?];
    cases.push({ name: nameOf(entry), heap, shared, built });
    note(nameOf(entry), all, run);
  }
  if (cases.length > 0) print(cases, build);
  run.signal.throwIfAborted();
}

/** A case, with what was measured of its subjects. */
interface Result {
  readonly name: string;
  readonly heap: Measured;
  readonly shared: Measured;
  /** The SharedHeap of another build, if one was given. */
  readonly built: Measured | undefined;
}

function note(name: string, all: readonly Measured[], { figures, disturbed }: SharedRun): void {
  for (const measured of all) {
    for (const ns of timesOf(measured)) figures.add(`local ${name} ${measured.command.name}`, ns);
    if (measured.isDisturbed) disturbed.add(`local ${name}`);
  }
}

function print(cases: readonly Result[], build: string | undefined): void {
  const ratios = (pick: (result: Result) => Interval): string =>
    `${cell(geometricMean(cases.map((one) => pick(one).median)))}×`;
  const own = ({ heap, shared }: Result): Interval => ratioOf(shared, heap);
  const other = ({ shared, built }: Result): Interval => ratioOf(built as Measured, shared);
  const show = (ratio: Interval): string[] => [`${cell(ratio.median)}×`, formatInterval(ratio)];
  const rows = cases.map((result) => {
    const { name, heap, shared, built } = result;
    const [low, high] = quartiles(timesOf(shared));
    const middles = [median(timesOf(shared)), median(timesOf(heap))].map((ns) => cell(ns));
    const row = [name, middles[0] ?? "", `${cell(low)}–${cell(high)}`, middles[1] ?? ""];
    const rest = built === undefined ? [] : [cell(median(timesOf(built))), ...show(other(result))];
    return [...row, ...show(own(result)), ...rest];
  });
  const mean = ["geometric mean", "", "", "", ratios(own), ""];
  const interval = "95 % interval";
  const titles = ["", "SharedHeap", "quartiles", "Heap", ASKED, interval];
  if (build === undefined) {
    printRows("Own blocks, ns per operation", titles, [...rows, mean]);
    return;
  }
  const more = [`SharedHeap of ${build}`, "it / SharedHeap", interval];
  const means = [...mean, "", ratios(other), ""];
  printRows("Own blocks, ns per operation", [...titles, ...more], [...rows, means]);
}

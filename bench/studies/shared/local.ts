/** Loops over a worker's own blocks: SharedHeap beside Heap. */
import { geometricMean, median, quartiles, steady } from "../../base/statistics.js";
import { takeTurns } from "../../measure/figures.js";
import { cell, printRows } from "../../term/table.js";
import { ours, oursShared, type Subject } from "../native/subjects.js";
import type { Settings } from "./rates.js";

/** Operations in a round of a loop. */
const OPERATIONS = "8000000";
const TRACES = ["sqlite", "redis", "python", "nginx"];

/** The cases, as "MODE ARGUMENT". */
export const LOCAL: readonly string[] = [
  ...["16", "64", "256", "1024"].map((size) => `lifo ${size}`),
  ...["64", "256"].map((size) => `batch ${size}`),
  ...["256", "8192"].map((slots) => `random ${slots}`),
  ...TRACES.map((name) => `trace ${name}`),
];

export async function measureLocal(
  cases: readonly string[],
  settings: Settings,
  rounds: string,
): Promise<void> {
  const { turns, figures, progress } = settings;
  for (const name of cases) {
    const [mode = "", argument = ""] = name.split(" ");
    const args =
      mode === "trace"
        ? ["replay", `bench/traces/${argument}.hkt.gz`, rounds]
        : [mode, argument, OPERATIONS, rounds];
    const run = (subject: Subject) => ({
      name: `local ${name}  ${subject.name}`,
      start: async () => {
        const measured = steady(await subject.run(args)).map(({ figure }) => figure);
        return { [`local ${name} ${subject.name}`]: median(measured) };
      },
    });
    await takeTurns([run(ours), run(oursShared)], turns, figures, progress);
  }
  const rows = cases.map((name) => {
    const [shared, alone] = [oursShared, ours].map((own) => `local ${name} ${own.name}`);
    if (shared === undefined || alone === undefined) return [];
    const [low, high] = quartiles(figures.of(shared));
    const times = figures.ratio(shared, alone);
    const spread = `${cell(low)}–${cell(high)}`;
    return [
      name,
      cell(figures.middle(shared)),
      spread,
      cell(figures.middle(alone)),
      `${cell(times)}×`,
    ];
  });
  const ratios = cases.map((name) =>
    figures.ratio(`local ${name} ${oursShared.name}`, `local ${name} ${ours.name}`),
  );
  const mean = ["geometric mean", "", "", "", `${cell(geometricMean(ratios))}×`];
  const titles = ["", "SharedHeap", "quartiles", "Heap", "SharedHeap / Heap (asked: 1.15)"];
  printRows("Own blocks, ns per operation", titles, [...rows, mean]);
}

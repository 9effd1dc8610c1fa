/* The table of `npm run mutants`. */
import { printRows } from "../../bench/term/table.js";
import type { Result, Status } from "./hunt.js";
import { FOLDERS, type Mutant } from "./mutate.js";

const TITLES = ["folder", "mutants", "caught", "equivalent", "survived", "score"];

function rowOf(
  name: string,
  mutants: readonly Mutant[],
  results: ReadonlyMap<string, Result>,
): string[] {
  const count = (status: Status): number =>
    mutants.filter(({ id }) => results.get(id)?.status === status).length;
  const [caught, equivalent, survived] = [count("caught"), count("equivalent"), count("survived")];
  const judged = caught + survived;
  const score = judged === 0 ? "–" : `${((100 * caught) / judged).toFixed(1)} %`;
  return [name, ...[judged + equivalent, caught, equivalent, survived].map(String), score];
}

/** Prints how many mutants of each folder were caught. Those that do not compile do not count. */
export function printScores(
  mutants: readonly Mutant[],
  results: ReadonlyMap<string, Result>,
): void {
  const rows = FOLDERS.map((folder) => {
    const own = mutants.filter(({ file }) => file.startsWith(`src/${folder}/`));
    return rowOf(`src/${folder}`, own, results);
  });
  const title = "Mutants by folder; the score is caught / (caught + survived).";
  printRows(title, TITLES, [...rows, rowOf("all", mutants, results)]);
}

/**
 * `npm run stress`: real workers on one shared heap, killed at random instants and recovered, until
 * both the time and the number of kills are reached. The workers that recover them are killed too.
 * Before that, workers that attach and detach: killed, or beside blocks that are handed over to
 * them. Every decision comes from the seed, but the timing of threads does not, so the same seed
 * makes the same failure likelier, not certain.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { Table } from "console-table-printer";
import { appendCounts } from "../support/countsFile.js";
import { churn } from "./churn.js";
import type { Figures } from "./figures.js";
import { exchangeMarks } from "./marks.js";
import { Stress } from "./stress.js";

const HELP = `npm run stress -- [options]: kill workers of a shared heap, and lose no block

  --seconds N  shortest time to run (60), two fifths of it with workers that attach and detach
  --kills N    fewest workers to kill (1000), and a fifth as many that attach and detach; those that
               are killed while they recover others come on top
  --workers N  worker threads at once, 2 to 40 (6)
  --seed N     seed of every random decision (drawn). It does not decide the timing of threads, so
               the same seed makes the same failure likelier, not certain
  --help`;

function toNumber(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Error(`--${name} is ${text}; it takes an integer from 0`);
}

type Rows = [string, number][];

function showProgress({ rounds, kills, live, recovered }: Figures): void {
  if (!process.stdout.isTTY) return;
  const text = `${rounds} rounds, ${kills} kills, ${recovered} blocks recovered, ${live} live`;
  process.stdout.write(`\r\x1b[K${text}`);
}

function rowsOf(figures: Figures): Rows {
  return [
    ["rounds, each checked", figures.rounds],
    ["workers killed", figures.kills],
    ["recoverers killed", figures.recovererKills],
    ["those that died inside recover", figures.diedInside],
    ["recoveries that others took over", figures.takenOver],
    ["recoveries complete, but not told of", figures.unheard],
    ["operations of workers that were killed", figures.operations],
    ["live blocks of the dead, recovered", figures.recovered],
    ["cached and mailed blocks, recovered", figures.reclaimedBlocks],
    ["slabs recovered", figures.reclaimedSlabs],
    ["blocks of the dead in other hands, freed", figures.orphans],
    ["recoveries on the exit event alone", figures.untold],
    ["live blocks at the end", figures.live],
    ["lost blocks", figures.lost],
  ];
}

function showTable(rows: Rows): void {
  if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  const table = new Table({
    shouldDisableColors: true,
    columns: [
      { name: "what", alignment: "left", title: " " },
      { name: "count", alignment: "right", title: " " },
    ],
  });
  for (const [what, count] of rows) table.addRow({ what, count });
  table.printTable();
}

/** Appends the kills since the last call to the counts of `npm run test:long`. */
function appendKills(): (figures: Figures) => void {
  let before = { kills: 0, recovererKills: 0 };
  return ({ kills, recovererKills }) => {
    const all = kills + recovererKills;
    const sinceThen = {
      kills: all - before.kills,
      recovererKills: recovererKills - before.recovererKills,
    };
    before = { kills: all, recovererKills };
    appendCounts(sinceThen);
  };
}

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const options = { seconds: text, kills: text, workers: text, seed: text } as const;
  const { values } = parseArgs({ options: { ...options, help: { type: "boolean" } } });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const seed = toNumber(values.seed, randomInt(2 ** 31), "seed");
  const workers = toNumber(values.workers, 6, "workers");
  if (workers < 2 || workers > 40) throw new Error(`--workers is ${workers}; it takes 2 to 40`);
  const seconds = toNumber(values.seconds, 60, "seconds");
  const kills = toNumber(values.kills, 1000, "kills");
  const fifth = { seconds: seconds / 5, kills: Math.ceil(kills / 5) };
  const rows: Rows = [["seed", seed]];
  const append = appendKills();
  const onProgress = (figures: Figures): void => {
    showProgress(figures);
    append(figures);
  };
  try {
    const marked = await exchangeMarks({ seconds: fifth.seconds, seed });
    rows.push(["attachments beside blocks handed over", marked.attachments]);
    rows.push(["slabs that changed class, their blocks checked", marked.turns]);
    const churned = await churn({ ...fifth, seed });
    appendCounts({ kills: churned.kills });
    rows.push(["workers killed as they attach and detach", churned.kills]);
    rows.push(["those that were recovered; no slot was lost", churned.recovered]);
    const left = seconds - 2 * fifth.seconds;
    const stress = new Stress({ seconds: left, kills, workers, seed, onProgress });
    await stress.run().finally(() => {
      append(stress.figures);
      rows.push(...rowsOf(stress.figures));
    });
  } finally {
    showTable(rows);
  }
}

main().catch((error: unknown) => {
  console.error(`stress: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

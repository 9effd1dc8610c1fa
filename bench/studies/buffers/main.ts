/**
 * `npm run bench:buffers`: pools of buffers, and writers and readers of a mixed message, beside
 * what programs use today. Each turn of a case is a process of its own, in which all take turns;
 * ratios are taken within it, and the tables show their medians.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs, promisify } from "node:util";
import { geometricMean, median } from "../../base/statistics.js";
import { startProgress } from "../../term/progress.js";
import { type Column, printTable } from "../../term/table.js";
import { checkWhole, chooseCases } from "../arguments.js";
import { buildProcesses } from "../build.js";
import type { Figures } from "./process.js";

const HELP = `usage: npm run bench:buffers -- [options]

  --turns N     processes for each case (default 5)
  --rounds N    rounds of each contestant in a process, of which the later half counts (default 12)
  --ms N        least length of a round (default 60)
  --only REGEX  cases whose "group name" matches, such as read, pair 64, pool 1024
  --json FILE   writes all figures to FILE
  --smoke       one short turn of each case
  --help
`;

const SIZES = ["64", "256", "512", "1024", "4096", "16384"];
const CASES: readonly (readonly [group: string, name: string])[] = [
  ["write", "63"],
  ["write", "64"],
  ["read", "array"],
  ["read", "frame"],
  ["read", "row"],
  ...SIZES.map((size) => ["pair", size] as const),
  ...SIZES.map((size) => ["pool", size] as const),
  ...SIZES.map((size) => ["node", size] as const),
];

const FOLDER = "build/buffers";
const PROCESS = `${FOLDER}/process.js`;
const run = promisify(execFile);

async function measure(args: readonly string[], turns: number): Promise<Figures[]> {
  const all: Figures[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const { stdout } = await run(process.execPath, ["--expose-gc", PROCESS, ...args]);
    all.push(JSON.parse(stdout) as Figures);
  }
  return all;
}

/** How many times the first contestant's time another takes, turn by turn. */
function ratio(turns: readonly Figures[], own: string, rival: string): number {
  return median(turns.map((turn) => (turn[rival] as number) / (turn[own] as number)));
}

function printGroup(
  title: string,
  unit: string,
  measured: readonly (readonly [name: string, turns: readonly Figures[]])[],
): void {
  const [first] = measured;
  if (first === undefined) return;
  const names = Object.keys(first[1][0] ?? {});
  const [own = "", ...rivals] = names;
  const columns: Column[] = [
    { name: "case", title: unit, align: "left" },
    ...names.map((name) => ({ name, title: `${name}, ns` })),
    ...rivals.map((name) => ({ name: `× ${name}`, title: `× ${name}` })),
  ];
  const rows = measured.map(([name, turns]) => {
    const row: Record<string, string> = { case: name };
    for (const each of names) {
      row[each] = median(turns.map((turn) => turn[each] as number)).toFixed(1);
    }
    for (const rival of rivals) row[`× ${rival}`] = ratio(turns, own, rival).toFixed(2);
    return row;
  });
  const means: Record<string, string> = { case: "geometric mean" };
  for (const rival of rivals) {
    const ratios = measured.map(([, turns]) => ratio(turns, own, rival));
    means[`× ${rival}`] = geometricMean(ratios).toFixed(2);
  }
  console.log(`\n${title}\n`);
  printTable(columns, measured.length > 1 ? [...rows, means] : rows);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "5" },
      rounds: { type: "string", default: "12" },
      ms: { type: "string", default: "60" },
      only: { type: "string", default: "" },
      json: { type: "string" },
      smoke: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns", "rounds", "ms"]);
  const cases = chooseCases(CASES, ([group, name]) => `${group} ${name}`, values.only);
  const turns = values.smoke ? 1 : Number(values.turns);
  const plan = values.smoke ? ["2", "1"] : [values.rounds, values.ms];
  buildProcesses(FOLDER, ["bench/studies/buffers/process.ts"]);
  const results: Record<string, Figures[]> = {};
  const progress = startProgress(cases.length);
  for (const [index, [group, name]] of cases.entries()) {
    progress.show(index / cases.length, `${group} ${name}`);
    results[`${group} ${name}`] = await measure([group, name, ...plan], turns);
  }
  progress.done();
  console.log(`Node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}`);
  if (values.smoke) console.log("a smoke test: its figures are of cold code, and mean nothing");
  printAll(results);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, null, 2));
}

function printAll(results: Readonly<Record<string, Figures[]>>): void {
  const of = (group: string): (readonly [string, Figures[]])[] =>
    CASES.flatMap(([own, name]) => {
      const measured = results[`${own} ${name}`];
      return own === group && measured !== undefined ? [[name, measured] as const] : [];
    });
  printGroup("A mixed message of about 100 bytes is written", "bits of its id", of("write"));
  printGroup(
    "Such messages are read: of an array each, of a frame each, or in a row",
    "from",
    of("read"),
  );
  printGroup("A buffer is allocated and freed, one by one", "bytes", of("pair"));
  printGroup("A buffer is freed and another allocated, of 256 live", "bytes", of("pool"));
  printGroup("The same with Node's buffers", "bytes", of("node"));
}

main().catch((error: unknown) => {
  console.error(`bench:buffers: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

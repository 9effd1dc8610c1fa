/**
 * `npm run bench:shared`: SharedHeap on real workers. Each turn of each case is a process of its
 * own; rivals take turns, ratios are taken within a turn, the tables show their medians.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { geometricMean, median, quartiles, steady } from "../../base/statistics.js";
import { type Column, printTable } from "../../term/table.js";
import { checkWhole, toPattern } from "../arguments.js";
import { ours, oursShared } from "../native/subjects.js";
import { boundOf, WORKLOADS, type Workload } from "./bound.js";
import { buildProcesses, findMimalloc, runDriver, runNative } from "./cases.js";

const HELP = `usage: npm run bench:shared -- [options]

  --turns N     processes of each subject for each case (default 3)
  --rounds N    rounds of 50 ms or more in a process (default 6)
  --only REGEX  cases whose "group name" matches: local, remote, two, many
  --peer DIR    a folder where npm installed @daneren2005/shared-memory-objects@0.0.4
  --json FILE   writes all figures to FILE
  --help
`;

/** Operations in a round of a loop of own blocks. */
const LOCAL_OPS = "8000000";
const TRACES = ["sqlite", "redis", "python", "nginx"];
const WORKERS = [1, 2, 4, 8, 16];

interface Settings {
  readonly turns: number;
  readonly rounds: string;
  readonly only: RegExp;
  readonly peer: string | undefined;
}

/** All figures, by case: one a turn. */
type Figures = Record<string, number[]>;
const all: Figures = {};

function note(name: string, figure: number): void {
  const figures = all[name] ?? [];
  figures.push(figure);
  all[name] = figures;
}

const middle = (name: string): number => median(all[name] ?? [Number.NaN]);

function ratio(above: string, below: string): number {
  const divisors = all[below] ?? [];
  const ratios = (all[above] ?? []).map((figure, turn) => figure / (divisors[turn] as number));
  return ratios.length === 0 ? Number.NaN : median(ratios);
}

const fixed = (value: number, digits = 2): string =>
  Number.isNaN(value) ? "–" : value.toFixed(digits);

function columnsOf(titles: readonly string[]): Column[] {
  return titles.map((title, index) =>
    index === 0 ? { name: title, title, align: "left" } : { name: title, title },
  );
}

function print(title: string, columns: readonly string[], rows: readonly string[][]): void {
  if (rows.length === 0) return;
  console.log(`\n${title}\n`);
  const named = rows.map((row) =>
    Object.fromEntries(columns.map((column, index) => [column, row[index] ?? ""])),
  );
  printTable(columnsOf(columns), named);
}

async function local({ turns, rounds, only }: Settings): Promise<void> {
  const cases = [
    ...["16", "64", "256", "1024"].map((size) => ["lifo", size]),
    ...["64", "256"].map((size) => ["batch", size]),
    ...["256", "8192"].map((slots) => ["random", slots]),
    ...TRACES.map((name) => ["trace", name]),
  ].filter(([mode, argument]) => only.test(`local ${mode} ${argument}`));
  const rows: string[][] = [];
  const ratios: number[] = [];
  for (const [mode = "", argument = ""] of cases) {
    const name = `local ${mode} ${argument}`;
    const args =
      mode === "trace"
        ? ["replay", `bench/traces/${argument}.hkt.gz`, rounds]
        : [mode, argument, LOCAL_OPS, rounds];
    for (let turn = 0; turn < turns; turn++) {
      for (const subject of turn % 2 === 0 ? [ours, oursShared] : [oursShared, ours]) {
        const figures = steady(await subject.run(args)).map(({ figure }) => figure);
        note(`${name} ${subject.name}`, median(figures));
      }
    }
    const times = ratio(`${name} ${oursShared.name}`, `${name} ${ours.name}`);
    ratios.push(times);
    const [low, high] = quartiles(all[`${name} ${oursShared.name}`] ?? []);
    const spread = `${fixed(low)}–${fixed(high)}`;
    const own = fixed(middle(`${name} ${oursShared.name}`));
    rows.push([
      `${mode} ${argument}`,
      own,
      spread,
      fixed(middle(`${name} ${ours.name}`)),
      `${fixed(times)}×`,
    ]);
  }
  if (rows.length > 0)
    rows.push(["geometric mean", "", "", "", `${fixed(geometricMean(ratios))}×`]);
  const columns = ["", "SharedHeap", "quartiles", "Heap", "SharedHeap / Heap (asked: 1.15)"];
  print("Own blocks, ns an operation", columns, rows);
}

async function remote({ turns, rounds, only, peer }: Settings): Promise<void> {
  if (!only.test("remote xmalloc")) return;
  const mimalloc = findMimalloc();
  const drive = async (name: string): Promise<void> =>
    note(`remote ${name}`, median((await runDriver(name, 1, rounds)).rates));
  for (let turn = 0; turn < turns; turn++) {
    await drive("xmalloc");
    await drive("pair");
    await drive("ring");
    if (peer !== undefined) {
      await drive("peer-xmalloc");
      await drive("peer-pair");
    }
    for (const mode of ["pipe", "pair"]) {
      const native = async (preload?: string): Promise<number> =>
        median(await runNative(mode, preload, rounds));
      note(`remote glibc ${mode}`, await native());
      if (mimalloc !== undefined) note(`remote mimalloc ${mode}`, await native(mimalloc));
    }
  }
  const row = (text: string, name: string, asked: string): string[] => {
    const times = ratio("remote xmalloc", `remote ${name}`);
    return [text, fixed(middle(`remote ${name}`)), `${fixed(times)}×`, asked];
  };
  print(
    "Remote free: a producer, a consumer, blocks of 64 B; millions of blocks a second",
    ["", "rate", "remote / it", "asked"],
    [
      row("SharedHeap, producer to consumer", "xmalloc", ""),
      row("SharedHeap, one worker, batches of 256", "pair", "0.5"),
      row("the ring alone", "ring", ""),
      row("shared-memory-objects, producer to consumer", "peer-xmalloc", "20"),
      row("shared-memory-objects, one worker", "peer-pair", ""),
      row("mimalloc, two threads", "mimalloc pipe", "0.5"),
      row("mimalloc, one thread", "mimalloc pair", ""),
      row("glibc, two threads", "glibc pipe", ""),
      row("glibc, one thread", "glibc pair", ""),
    ],
  );
  if (mimalloc === undefined) console.log("\nmimalloc is not installed: skipped");
  if (peer === undefined) {
    console.log(
      "\nThe peer is run with --peer DIR, after: " +
        "npm install --prefix DIR @daneren2005/shared-memory-objects@0.0.4",
    );
  }
}

/** Processes of one worker each, at once: what this machine's cores give without sharing. */
async function apart(rounds: string): Promise<number> {
  const start = Date.now() + 1000;
  const both = [runDriver("churn", 1, rounds, start), runDriver("churn", 1, rounds, start)];
  const outcomes = await Promise.all(both);
  return outcomes.reduce((sum, { rates }) => sum + median(rates), 0);
}

async function two({ turns, rounds, only }: Settings): Promise<void> {
  if (!only.test("two churn")) return;
  for (let turn = 0; turn < turns; turn++) {
    note("two one", median((await runDriver("churn", 1, rounds)).rates));
    note("two two", median((await runDriver("churn", 2, rounds)).rates));
    note("two apart", await apart(rounds));
  }
  const row = (text: string, name: string, asked: string): string[] => [
    text,
    fixed(middle(`two ${name}`)),
    `${fixed(ratio(`two ${name}`, "two one"))}×`,
    asked,
  ];
  print(
    "Independent churn, 256 slots of 16..1024 B; millions of operations a second",
    ["", "rate", "to one worker", "asked"],
    [
      row("one worker", "one", ""),
      row("two workers of one heap", "two", "1.8"),
      row("two processes, a heap each (the machine's limit)", "apart", ""),
    ],
  );
}

async function many({ rounds, only }: Settings): Promise<void> {
  const rows: string[][] = [];
  const names = Object.keys(WORKLOADS).filter((name) => only.test(`many ${name}`));
  for (const name of names) {
    for (const workers of WORKERS) {
      const { rates, peakBytes } = await runDriver(name, workers, rounds);
      note(`many ${name} ${workers}`, median(rates));
      note(`many ${name} ${workers} peakBytes`, peakBytes);
      const bound = boundOf(WORKLOADS[name] as Workload, workers);
      if (peakBytes > bound) {
        console.error(`${name}, ${workers} workers: ${peakBytes} bytes, above ${bound}`);
        process.exitCode = 1;
      }
      rows.push([
        name,
        String(workers),
        fixed(median(rates)),
        `${fixed(ratio(`many ${name} ${workers}`, `many ${name} 1`))}×`,
        fixed(peakBytes / 1e6),
        fixed(bound / 1e6),
        fixed(peakBytes / bound),
      ]);
    }
  }
  print(
    "Many workers, millions of operations a second; peakCommittedBytes and its bound, MB",
    ["", "workers", "rate", "to one worker", "peak", "bound", "peak / bound"],
    rows,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "3" },
      rounds: { type: "string", default: "6" },
      only: { type: "string", default: "" },
      peer: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns", "rounds"]);
  const { rounds, peer } = values;
  buildProcesses(peer);
  const settings = { turns: Number(values.turns), rounds, only: toPattern(values.only), peer };
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ` +
      `${values.turns} turns of ${rounds} rounds; medians`,
  );
  await local(settings);
  await remote(settings);
  await two(settings);
  await many(settings);
  if (values.json !== undefined) {
    const report = { node: process.version, cpu: cpus()[0]?.model, figures: all };
    writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  }
}

main().catch((error: unknown) => {
  console.error(`bench:shared: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

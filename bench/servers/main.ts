/**
 * `npm run bench:servers`: one key-value server written twice, driven by the real redis-benchmark.
 * Each turn of each case starts both servers anew, one after the other; ratios are taken within a
 * turn, the tables show medians.
 */
import { parseArgs } from "node:util";
import { geometricMean } from "../base/statistics.js";
import { Figures, type Run, takeTurns } from "../measure/figures.js";
import { checkWhole, chooseCases } from "../studies/arguments.js";
import { printMachine, runStudy, writeFigures } from "../studies/study.js";
import { startProgress } from "../term/progress.js";
import { cell, printRows } from "../term/table.js";
import { buildServers, SERVERS, type ServerName } from "./build.js";
import { CLIENTS, KEYS, Server, TESTS } from "./server.js";

const HELP = `usage: npm run bench:servers -- [options]

  --turns N       turns of each case (default 5)
  --seconds N     about how long a run takes, SETs and then GETs (default 4)
  --only REGEX    cases whose "SIZE PIPELINE" matches, such as "16384 1$"
  --soak MINUTES  instead of all this: mixed sizes for so long, on both servers, and their memory
  --json FILE     writes all figures to FILE
  --help
`;

interface Case {
  readonly size: number;
  readonly pipeline: number;
  /** Requests per second that it may reach, to choose how many to send. */
  readonly expectedRate: number;
}

const CASES: readonly Case[] = [
  { size: 64, pipeline: 1, expectedRate: 80_000 },
  { size: 64, pipeline: 16, expectedRate: 500_000 },
  { size: 1024, pipeline: 1, expectedRate: 70_000 },
  { size: 1024, pipeline: 16, expectedRate: 300_000 },
  { size: 16384, pipeline: 1, expectedRate: 40_000 },
  { size: 16384, pipeline: 16, expectedRate: 50_000 },
];
const SIZES = [...new Set(CASES.map(({ size }) => size))];
const nameOf = ({ size, pipeline }: Case): string => `${size} ${pipeline}`;

/** One turn of a case on one server. */
function runOf(entry: Case, server: ServerName, seconds: number): Run {
  const { size, pipeline, expectedRate } = entry;
  const name = `${nameOf(entry)} ${server}`;
  return {
    name,
    async start(signal) {
      const running = await Server.start(server, signal);
      try {
        await running.drive(size, pipeline, Math.round(expectedRate / 2));
        await running.ask("begin");
        const requests = Math.round((expectedRate * seconds) / 2);
        const driven = await running.drive(size, pipeline, requests);
        const costs = await running.ask("end");
        // No collection at all would have no ratio.
        const gcMs = Math.max(costs.gcMs, 0.01);
        const figures = Object.entries({ ...driven, ...costs, gcMs });
        return Object.fromEntries(figures.map(([figure, value]) => [`${name} ${figure}`, value]));
      } finally {
        await running.stop();
      }
    },
  };
}

/** The columns of one figure: both servers, and the ratio of hakmem to Buffers. */
interface Column {
  readonly figure: string;
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  readonly scale: number;
  readonly ratio?: string;
  readonly ratioDigits?: number;
}

const COSTS: readonly Column[] = [
  { figure: "cpuMs", title: "CPU", unit: "s", digits: 2, scale: 1000, ratio: "CPU ratio" },
  {
    figure: "gcMs",
    title: "GC",
    unit: "ms",
    digits: 0,
    scale: 1,
    ratio: "GC ratio",
    ratioDigits: 3,
  },
  { figure: "rss", title: "RSS", unit: "MB", digits: 1, scale: 1e6, ratio: "RSS ratio" },
  { figure: "external", title: "external", unit: "MB", digits: 1, scale: 1e6 },
];

function speedOf(test: string): readonly Column[] {
  return [
    { figure: test, title: "", unit: "k/s", digits: 1, scale: 1000, ratio: "hakmem / Buffers" },
    { figure: `${test} p99`, title: "p99", unit: "ms", digits: 2, scale: 1 },
  ];
}

const text = (column: Column, ratio: number): string => `${cell(ratio, column.ratioDigits)}×`;

function ratioOf(figures: Figures, name: string, { figure }: Column): number {
  return figures.ratio(`${name} pooled ${figure}`, `${name} plain ${figure}`);
}

/** Returns the cells of a row after its first. */
function cellsOf(figures: Figures, name: string, columns: readonly Column[]): string[] {
  return columns.flatMap((column) => [
    ...SERVERS.map((server) => {
      const middle = figures.middle(`${name} ${server} ${column.figure}`);
      return cell(middle / column.scale, column.digits);
    }),
    ...(column.ratio === undefined ? [] : [text(column, ratioOf(figures, name, column))]),
  ]);
}

function titlesOf(columns: readonly Column[]): string[] {
  return columns.flatMap(({ title, unit, ratio }) => {
    const what = title === "" ? unit : `${title} ${unit}`;
    const own = [`Buffers, ${what}`, `hakmem, ${what}`];
    return ratio === undefined ? own : [...own, ratio];
  });
}

/** Returns the last row: the geometric mean of each column of ratios. */
function meansOf(
  figures: Figures,
  rows: readonly (readonly [string, readonly Column[]])[],
): string[] {
  const columns = rows[0]?.[1] ?? [];
  const means = columns.flatMap((column, index) => {
    if (column.ratio === undefined) return ["", ""];
    const all = rows.map(([name, own]) => ratioOf(figures, name, own[index] as Column));
    return ["", "", text(column, geometricMean(all))];
  });
  return ["geometric mean", ...means];
}

function printAll(cases: readonly Case[], figures: Figures): void {
  const speeds = cases.flatMap((entry) =>
    TESTS.map((test) => ({ test, name: nameOf(entry), columns: speedOf(test) })),
  );
  printRows(
    "Requests",
    ["bytes, pipeline", ...titlesOf(speedOf(""))],
    [
      ...speeds.map(({ test, name, columns }) => [
        `${test} ${name}`,
        ...cellsOf(figures, name, columns),
      ]),
      meansOf(
        figures,
        speeds.map(({ name, columns }) => [name, columns]),
      ),
    ],
  );
  const names = cases.map(nameOf);
  printRows(
    "Processor, collector and memory",
    ["bytes, pipeline", ...titlesOf(COSTS)],
    [
      ...names.map((name) => [name, ...cellsOf(figures, name, COSTS)]),
      meansOf(
        figures,
        names.map((name) => [name, COSTS]),
      ),
    ],
  );
}

/** Prints how the memory of both servers goes on over minutes of mixed sizes. */
async function soak(minutes: number, signal: AbortSignal): Promise<void> {
  const plain = await Server.start("plain", signal);
  try {
    const pooled = await Server.start("pooled", signal);
    try {
      await soakServers({ plain, pooled }, minutes);
    } finally {
      await pooled.stop();
    }
  } finally {
    await plain.stop();
  }
}

async function soakServers(
  servers: Readonly<Record<ServerName, Server>>,
  minutes: number,
): Promise<void> {
  const rows: string[][] = [];
  const begin = Date.now();
  const elapsed = (): number => (Date.now() - begin) / 60_000;
  for (let round = 0; elapsed() < minutes; round++) {
    const row = [elapsed().toFixed(1)];
    for (const name of SERVERS) {
      for (const size of SIZES) {
        const drawn = Math.round(size * (0.25 + ((round * 7 + size) % 13) / 13));
        await servers[name].drive(drawn, round % 2 === 0 ? 1 : 16, 40_000);
      }
      const { rss, gcMs } = await servers[name].ask("end");
      row.push(cell(rss / 1e6, 1), cell(gcMs, 0));
    }
    rows.push(row);
    console.log(row.join("  "));
  }
  const titles = ["Buffers, RSS MB", "Buffers, GC ms", "hakmem, RSS MB", "hakmem, GC ms"];
  const step = Math.ceil(rows.length / 20);
  const shown = rows.filter((_, index) => index % step === 0);
  printRows("Mixed sizes", ["minutes", ...titles], shown);
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      only: { type: "string", default: "" },
      soak: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const { soak: minutes, ...others } = values;
  checkWhole(others, ["turns", "seconds"]);
  if (minutes !== undefined) checkWhole({ soak: minutes }, ["soak"]);
  const cases = chooseCases(CASES, nameOf, values.only);
  buildServers();
  if (minutes !== undefined) return soak(Number(minutes), signal);
  const [turns, seconds] = [Number(values.turns), Number(values.seconds)];
  const figures = new Figures();
  const progress = startProgress(SERVERS.length * turns * cases.length);
  try {
    for (const entry of cases) {
      const runs = SERVERS.map((server) => runOf(entry, server, seconds));
      await takeTurns(runs, turns, figures, progress, signal);
    }
  } finally {
    progress.done();
  }
  printMachine(`redis-benchmark with ${CLIENTS} clients and ${KEYS} keys, ${turns} turns; medians`);
  printAll(cases, figures);
  writeFigures(values.json, figures);
}

runStudy("bench:servers", main);

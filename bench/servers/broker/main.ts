/**
 * `npm run bench:broker`: one broker written four times, in plain Buffers and with hakmem. Two
 * publishers send to four subscribers. Each turn of a size starts every broker anew, one after the
 * other; ratios are taken within a turn, the tables show medians.
 */
import { parseArgs } from "node:util";
import { Figures, type Run, takeTurns } from "../../measure/figures.js";
import { checkWhole, chooseCases } from "../../studies/arguments.js";
import { printMachine, runStudy, writeFigures } from "../../studies/study.js";
import { startProgress } from "../../term/progress.js";
import { cell, printRows } from "../../term/table.js";
import { Child } from "../child.js";
import { BROKERS, type Broker, buildBrokers, FOLDER, PLAIN } from "./build.js";
import type { Costs } from "./report.js";

const HELP = `usage: npm run bench:broker -- [options]

  --turns N       turns of each size (default 7)
  --frames N      how much each publisher sends, in parts of the usual (default 1)
  --only REGEX    sizes that match, such as "^64$"
  --json FILE     writes all figures to FILE
  --help
`;

/** How many frames of a size each publisher sends: a second or two for the plain broker. */
const CASES = [
  { size: 64, frames: 400_000 },
  { size: 1024, frames: 100_000 },
  { size: 4096, frames: 50_000 },
  { size: 16384, frames: 20_000 },
];
type Case = (typeof CASES)[number];
const LONE_FRAMES = 2000;

/** Runs the load on a broker, and returns its figures. */
async function drive(broker: Child, load: Child): Promise<Record<string, number>> {
  await load.answer();
  const before = (await broker.ask("costs")) as Costs;
  const speed = (await load.ask("go")) as { rate: number; latency: number };
  const after = (await broker.ask("costs")) as Costs;
  return {
    ...speed,
    user: after.userMs - before.userMs,
    system: after.systemMs - before.systemMs,
    // No collection at all would have no ratio.
    collecting: Math.max(after.gcMs - before.gcMs, 0.01),
    rss: after.rss,
  };
}

function runOf({ size, frames }: Case, name: Broker, parts: number): Run {
  return {
    name: `${size} ${name}`,
    async start(signal) {
      const broker = new Child(`the broker ${name}`, `${FOLDER}/${name}.js`);
      const stop = (): void => void broker.stop();
      signal.addEventListener("abort", stop);
      try {
        const counts = [await broker.answer(), size, Math.ceil(frames * parts), LONE_FRAMES];
        const load = new Child("the load", `${FOLDER}/load.js`, counts.map(String));
        try {
          // If the broker ends, the load waits for ever.
          const gone = broker.ended();
          const figures = await Promise.race([drive(broker, load), gone]);
          const named = Object.entries(figures);
          return Object.fromEntries(
            named.map(([what, value]) => [`${size} ${name} ${what}`, value]),
          );
        } finally {
          await load.stop();
        }
      } finally {
        signal.removeEventListener("abort", stop);
        await broker.stop();
      }
    },
  };
}

/** Returns the row of a figure: each broker's, and hakmem's beside the best of the plain ones. */
function rowOf(figures: Figures, size: number, what: string, scale: number, digits: number) {
  const names = BROKERS.map((broker) => `${size} ${broker} ${what}`);
  const middles = names.map((name) => cell(figures.middle(name) / scale, digits));
  const own = `${size} hakmem ${what}`;
  const ratios = PLAIN.map((broker) => figures.ratio(own, `${size} ${broker} ${what}`));
  const best = what === "rate" ? Math.min(...ratios) : Math.max(...ratios);
  return [String(size), ...middles, `${cell(ratios[0] as number, 2)}×`, `${cell(best, 2)}×`];
}

function printAll(cases: readonly Case[], figures: Figures): void {
  const titles = ["bytes", ...BROKERS, "hakmem / plain", "hakmem / best of the plain three"];
  const print = (title: string, what: string, scale: number, digits: number): void => {
    const rows = cases.map(({ size }) => rowOf(figures, size, what, scale, digits));
    printRows(title, titles, rows);
  };
  print("Deliveries, thousands a second", "rate", 1000, 0);
  print("Processor time of the user, ms", "user", 1, 0);
  print("Processor time of the system, ms", "system", 1, 0);
  print("Collections, ms", "collecting", 1, 1);
  print("Memory (RSS), MB", "rss", 1e6, 1);
  print("A lone frame to the last subscriber, us", "latency", 1, 0);
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "7" },
      frames: { type: "string", default: "1" },
      only: { type: "string", default: "" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns"]);
  const parts = Number(values.frames);
  if (!(parts > 0 && parts <= 100))
    throw new Error(`--frames is ${values.frames}; it takes a number from 0 to 100`);
  const cases = chooseCases(CASES, ({ size }) => String(size), values.only);
  buildBrokers();
  const turns = Number(values.turns);
  const figures = new Figures();
  const progress = startProgress(BROKERS.length * turns * cases.length);
  try {
    for (const entry of cases) {
      const runs = BROKERS.map((broker) => runOf(entry, broker, parts));
      await takeTurns(runs, turns, figures, progress, signal);
    }
  } finally {
    progress.done();
  }
  printMachine(`2 publishers, 4 subscribers, ${turns} turns; medians`);
  printAll(cases, figures);
  writeFigures(values.json, figures);
}

runStudy("bench:broker", main);

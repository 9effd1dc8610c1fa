/**
 * `npm run bench:servers`: one key-value server written twice, driven by the real redis-benchmark.
 * Each turn of each case starts both servers anew, one after the other; ratios are taken within a
 * turn, the tables show medians.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs, promisify } from "node:util";
import { geometricMean, median } from "../base/statistics.js";
import { checkWhole, chooseCases } from "../studies/arguments.js";
import { startProgress } from "../term/progress.js";
import { type Column, printTable } from "../term/table.js";
import { buildServers, SERVERS, type ServerName, serverFile } from "./build.js";
import type { Figures } from "./report.js";

const HELP = `usage: npm run bench:servers -- [options]

  --turns N       turns of each case (default 5)
  --seconds N     about how long a run takes, SETs and then GETs (default 4)
  --only REGEX    cases whose "SIZE PIPELINE" matches, such as "16384 1$"
  --soak MINUTES  instead: mixed sizes for so long, on both servers, and their memory over time
  --json FILE     writes all figures to FILE
  --help
`;

const run = promisify(execFile);
const SIZES = [64, 1024, 16384];
const PIPELINES = [1, 16];
const CLIENTS = "50";
const KEYS = "1000";
const TESTS = ["SET", "GET"] as const;
/** Requests a second that a case may reach, to choose how many to send. */
const EXPECTED_RATE: Record<string, number> = {
  "64 1": 80_000,
  "64 16": 500_000,
  "1024 1": 70_000,
  "1024 16": 300_000,
  "16384 1": 40_000,
  "16384 16": 50_000,
};

interface Turn extends Figures {
  readonly rates: Record<string, number>;
  readonly p99: Record<string, number>;
}

/** A server in a process of its own. */
class Server {
  private readonly child: ChildProcess;
  private port: string;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.port = "";
  }

  static async start(name: ServerName): Promise<Server> {
    const child = fork(serverFile(name), { execArgv: [] });
    const server = new Server(child);
    server.port = String(((await server.answer()) as { port: number }).port);
    return server;
  }

  private answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.child.once("message", resolve);
      this.child.once("exit", (code) => reject(new Error(`the server ended with code ${code}`)));
    });
  }

  async ask(what: "begin" | "end"): Promise<Figures> {
    const answer = this.answer();
    this.child.send(what);
    return (await answer) as Figures;
  }

  /** Rows of redis-benchmark's CSV: test, requests a second, six latencies. */
  async drive(size: number, pipeline: number, requests: number): Promise<string[][]> {
    const argv = ["-p", this.port, "-t", "set,get", "-d", String(size), "-P", String(pipeline)];
    argv.push("-n", String(requests), "-c", CLIENTS, "-r", KEYS, "--csv");
    const { stdout } = await run("redis-benchmark", argv);
    const rows = stdout.split("\n").filter((line) => /^"(SET|GET)"/.test(line));
    if (rows.length !== 2) throw new Error(`redis-benchmark said: ${stdout}`);
    return rows.map((row) => row.split(",").map((cell) => cell.replaceAll('"', "")));
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.disconnect();
    await ended;
  }
}

async function takeTurn(
  name: ServerName,
  size: number,
  pipeline: number,
  seconds: number,
): Promise<Turn> {
  const server = await Server.start(name);
  const rate = EXPECTED_RATE[`${size} ${pipeline}`] as number;
  await server.drive(size, pipeline, Math.round(rate / 2));
  await server.ask("begin");
  const rows = await server.drive(size, pipeline, Math.round((rate * seconds) / 2));
  const figures = await server.ask("end");
  await server.stop();
  const rates: Record<string, number> = {};
  const p99: Record<string, number> = {};
  for (const [test = "", perSecond, , , , , latency] of rows) {
    rates[test] = Number(perSecond);
    p99[test] = Number(latency);
  }
  return { ...figures, rates, p99 };
}

type Results = Record<ServerName, Turn[]>;

const middle = (turns: readonly Turn[], read: (turn: Turn) => number): number =>
  median(turns.map(read));

/** The median over the turns of a figure of `plain` to that of `pooled`, or the reverse. */
function ratio(results: Results, read: (turn: Turn) => number, isMoreBetter: boolean): number {
  return median(
    results.plain.map((plain, index) => {
      const pooled = read(results.pooled[index] as Turn);
      return isMoreBetter ? pooled / read(plain) : read(plain) / pooled;
    }),
  );
}

function columnsOf(titles: readonly string[]): Column[] {
  return titles.map((title, index) =>
    index === 0 ? { name: title, title, align: "left" } : { name: title, title },
  );
}

function print(title: string, titles: readonly string[], rows: readonly string[][]): void {
  console.log(`\n${title}\n`);
  const named = rows.map((row) =>
    Object.fromEntries(titles.map((column, index) => [column, row[index] ?? ""])),
  );
  printTable(columnsOf(titles), named);
}

const kilo = (value: number): string => (value / 1000).toFixed(1);
const mega = (value: number): string => (value / 1e6).toFixed(1);

function printAll(all: Map<string, Results>): void {
  const speeds: string[][] = [];
  const costs: string[][] = [];
  const ratios: number[] = [];
  const memory: number[] = [];
  const collecting: number[] = [];
  const working: number[] = [];
  for (const [name, results] of all) {
    for (const test of TESTS) {
      const own = ratio(results, ({ rates }) => rates[test] as number, true);
      ratios.push(own);
      speeds.push([
        `${test} ${name}`,
        ...SERVERS.map((server) =>
          kilo(middle(results[server], (turn) => turn.rates[test] as number)),
        ),
        `${own.toFixed(2)}×`,
        ...SERVERS.map((server) =>
          middle(results[server], (turn) => turn.p99[test] as number).toFixed(2),
        ),
      ]);
    }
    const ofMemory = 1 / ratio(results, ({ rss }) => rss, false);
    const ofCollecting = 1 / ratio(results, ({ gcMs }) => Math.max(gcMs, 0.01), false);
    const ofWorking = 1 / ratio(results, ({ cpuMs }) => cpuMs, false);
    memory.push(ofMemory);
    working.push(ofWorking);
    collecting.push(ofCollecting);
    costs.push([
      name,
      ...SERVERS.map((server) => (middle(results[server], ({ cpuMs }) => cpuMs) / 1000).toFixed(2)),
      `${ofWorking.toFixed(2)}×`,
      ...SERVERS.map((server) => middle(results[server], ({ gcMs }) => gcMs).toFixed(0)),
      `${ofCollecting.toFixed(3)}×`,
      ...SERVERS.map((server) => mega(middle(results[server], ({ rss }) => rss))),
      `${ofMemory.toFixed(2)}×`,
      ...SERVERS.map((server) => mega(middle(results[server], ({ external }) => external))),
    ]);
  }
  speeds.push(["geometric mean", "", "", `${geometricMean(ratios).toFixed(2)}×`, "", ""]);
  const columns = ["bytes, pipeline", "Buffers, k/s", "hakmem, k/s", "hakmem / Buffers"];
  print("Requests", [...columns, "Buffers, p99 ms", "hakmem, p99 ms"], speeds);
  const cpu = ["bytes, pipeline", "Buffers, CPU s", "hakmem, CPU s", "CPU ratio"];
  const gc = ["Buffers, GC ms", "hakmem, GC ms", "GC ratio"];
  const rss = ["Buffers, RSS MB", "hakmem, RSS MB", "RSS ratio"];
  costs.push([
    "geometric mean",
    "",
    "",
    `${geometricMean(working).toFixed(2)}×`,
    "",
    "",
    `${geometricMean(collecting).toFixed(3)}×`,
    "",
    "",
    `${geometricMean(memory).toFixed(2)}×`,
    "",
    "",
  ]);
  print(
    "Processor, collector and memory",
    [...cpu, ...gc, ...rss, "Buffers, external MB", "hakmem, external MB"],
    costs,
  );
}

async function soak(minutes: number): Promise<void> {
  const rows: string[][] = [];
  const servers = { plain: await Server.start("plain"), pooled: await Server.start("pooled") };
  const begin = Date.now();
  for (let round = 0; Date.now() - begin < minutes * 60_000; round++) {
    const row = [((Date.now() - begin) / 60_000).toFixed(1)];
    for (const name of SERVERS) {
      for (const size of SIZES) {
        const drawn = Math.round(size * (0.25 + ((round * 7 + size) % 13) / 13));
        await servers[name].drive(drawn, round % 2 === 0 ? 1 : 16, 40_000);
      }
      const { rss, gcMs } = await servers[name].ask("end");
      row.push(mega(rss), gcMs.toFixed(0));
    }
    rows.push(row);
    console.log(row.join("  "));
  }
  for (const name of SERVERS) await servers[name].stop();
  const titles = [
    "minutes",
    "Buffers, RSS MB",
    "Buffers, GC ms",
    "hakmem, RSS MB",
    "hakmem, GC ms",
  ];
  const step = Math.ceil(rows.length / 20);
  print(
    "Mixed sizes",
    titles,
    rows.filter((_, index) => index % step === 0),
  );
}

async function main(): Promise<void> {
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
  const all = SIZES.flatMap((size) => PIPELINES.map((pipeline) => ({ size, pipeline })));
  const cases = chooseCases(all, ({ size, pipeline }) => `${size} ${pipeline}`, values.only);
  buildServers();
  if (minutes !== undefined) return soak(Number(minutes));
  const turns = Number(values.turns);
  const progress = startProgress(cases.length * turns);
  const measured = new Map<string, Results>();
  for (const { size, pipeline } of cases) {
    const results: Results = { plain: [], pooled: [] };
    for (let turn = 0; turn < turns; turn++) {
      progress.step(`${size} bytes, pipeline ${pipeline}`);
      for (const server of turn % 2 === 0 ? SERVERS : [...SERVERS].reverse()) {
        results[server].push(await takeTurn(server, size, pipeline, Number(values.seconds)));
      }
    }
    measured.set(`${size} ${pipeline}`, results);
  }
  progress.done();
  console.log(`Node ${process.version}, redis-benchmark with ${CLIENTS} clients, ${KEYS} keys`);
  printAll(measured);
  if (values.json !== undefined) {
    writeFileSync(values.json, JSON.stringify(Object.fromEntries(measured), undefined, 2));
  }
}

main().catch((error: unknown) => {
  console.error(`bench:servers: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

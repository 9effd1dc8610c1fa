/**
 * `npm run test:long`: searches with new seeds until the budget is over, and sums up. What fails is
 * kept in a log, whose end is shown, with the command that repeats it. SIGINT and SIGTERM end the
 * step that runs, and the sums are shown then too.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { countsEnv } from "../support/countsFile.js";
import { clock, emptySum, type Sum, showSums, sumFile } from "./sums.js";

const HELP = `usage: npm run test:long -- [options]

Runs the property tests and the schedules with new seeds and many runs, and kills workers, again
and again until the budget is over; and once the seeded bugs, after the first round that leaves an
hour of it. What each step has run is summed up at the end.

  --hours N    budget in hours (2)
  --minutes N  budget in minutes, instead
  --runs N     how many times the random runs of test:all (5)
  --seed N     seed of the first round, 0 to 2147483647; each round adds 1 (drawn)
  --help`;

const SHOWN_LINES = 60;
/** A round whose every step fails within this time found no bug: nothing can be run. */
const AT_ONCE_MS = 20_000;
const MOST_SEED = 0x7fffffff;
const TSX = ["node_modules/tsx/dist/cli.mjs"];
const VITEST = ["node_modules/vitest/vitest.mjs", "run"];

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

/** It takes about half an hour. Its tests are not counted, because it plants bugs before them. */
const SEEDED_BUGS: Step = { name: "seeded bugs", args: [...TSX, "test/seeded/main.ts"] };
const SEEDED_NEEDS_MS = 3_600_000;

type End = "passed" | "failed" | "cut";

function stepsOf(seed: number): readonly Step[] {
  const kills = ["--seconds", "400", "--kills", "2000", "--seed", String(seed)];
  return [
    { name: "properties", args: [...VITEST, "--project", "property"] },
    { name: "schedules", args: [...VITEST, "--project", "schedule"] },
    { name: "kills", args: [...TSX, "test/stress/main.ts", ...kills] },
  ];
}

interface Settings {
  readonly minutes: number;
  /** A multiple of the random runs. */
  readonly runs: number;
  readonly seed: number;
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} is "${text}"; it takes a number above 0`);
}

function toSeed(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= MOST_SEED) return value;
  throw new Error(`--seed is "${text}"; it takes an integer from 0 to ${MOST_SEED}`);
}

/** Returns what the arguments say, or undefined if they ask for help. */
function readSettings(): Settings | undefined {
  const text = { type: "string" } as const;
  const options = { hours: text, minutes: text, runs: text, seed: text } as const;
  const { values } = parseArgs({ options: { ...options, help: { type: "boolean" } } });
  if (values.help) return undefined;
  const { hours = "2", minutes, runs = "5", seed } = values;
  return {
    minutes: minutes === undefined ? 60 * toNumber("hours", hours) : toNumber("minutes", minutes),
    runs: toNumber("runs", runs),
    seed: seed === undefined ? Date.now() & MOST_SEED : toSeed(seed),
  };
}

/** Shows how long a step has run, and what is left of the budget, while it runs on a terminal. */
function showProgress(title: string, end: number): () => void {
  if (!process.stdout.isTTY) return () => {};
  const start = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    process.stdout.write(`\r\x1b[K${title}: ${clock(now - start)}, ${clock(end - now)} left`);
  }, 1000);
  return () => {
    clearInterval(timer);
    process.stdout.write("\r\x1b[K");
  };
}

/** Ends the step that runs, if one does, and all that it started. */
let stopStep: () => void = () => {};
let isInterrupted = false;

function interrupt(): void {
  isInterrupted = true;
  stopStep();
}

/** Runs a step until it ends by itself, the budget does, or the run is interrupted. */
function run(step: Step, env: NodeJS.ProcessEnv, log: string, end: number): Promise<End> {
  const output = openSync(log, "w");
  // A group of its own, which is killed as a whole: vitest and the stress start processes.
  const child = spawn(process.execPath, [...step.args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
    detached: true,
  });
  let isCut = false;
  stopStep = () => {
    isCut = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      // It ended by itself at this moment.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const timer = setTimeout(stopStep, Math.min(end - Date.now(), 2 ** 31 - 1));
  return new Promise((resolve, reject) => {
    const close = (): void => {
      clearTimeout(timer);
      closeSync(output);
      stopStep = () => {};
    };
    child.once("error", (error) => {
      close();
      reject(error);
    });
    child.once("exit", (code) => {
      close();
      resolve(isCut ? "cut" : code === 0 ? "passed" : "failed");
    });
  });
}

function showFailure(log: string): void {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  for (const line of lines.slice(-SHOWN_LINES)) console.log(`  ${line}`);
  console.log(`  all of it: ${log}`);
}

class Search {
  readonly sums: Map<string, Sum> = new Map();
  private readonly settings: Settings;
  private readonly end: number;
  private hasSeeded = false;
  private readonly folder: string = mkdtempSync(join(tmpdir(), "hakmem-long-"));

  constructor(settings: Settings) {
    this.settings = settings;
    this.end = Date.now() + 60_000 * settings.minutes;
  }

  /** Runs rounds until the budget is over, the run is interrupted, or nothing can be run. */
  async run(): Promise<void> {
    for (let round = 1; !this.isOver(); round++) {
      const start = Date.now();
      const ends = await this.runRound(round);
      const isBroken = ends.every((end) => end === "failed") && Date.now() - start < AT_ONCE_MS;
      if (!isBroken || ends.length === 0) continue;
      console.log(`\nround ${round}: every step failed at once; the search stops`);
      return;
    }
  }

  private isOver(): boolean {
    return isInterrupted || Date.now() >= this.end;
  }

  private async runRound(round: number): Promise<End[]> {
    const ends: End[] = [];
    for (const step of stepsOf(this.seedOf(round))) {
      if (this.isOver()) break;
      ends.push(await this.runStep(round, step));
    }
    if (!this.hasSeeded && this.end - Date.now() > SEEDED_NEEDS_MS && !isInterrupted) {
      this.hasSeeded = true;
      ends.push(await this.runStep(round, SEEDED_BUGS));
    }
    return ends;
  }

  private async runStep(round: number, step: Step): Promise<End> {
    const seed = this.seedOf(round);
    const title = `round ${round}, seed ${seed}, ${step.name}`;
    const log = join(this.folder, `${round}-${step.name.replace(" ", "-")}.log`);
    const counts = `${log}.counts`;
    const env = {
      HAKMEM_TEST_TIER: "long",
      HAKMEM_TEST_SEED: String(seed),
      HAKMEM_TEST_RUNS: String(this.settings.runs),
      ...(step === SEEDED_BUGS ? {} : countsEnv(counts)),
    };
    const hide = showProgress(title, this.end);
    const start = Date.now();
    const result = await run(step, env, log, this.end).finally(hide);
    const ms = Date.now() - start;
    const sum = this.sums.get(step.name) ?? emptySum();
    this.sums.set(step.name, sum);
    sum[result]++;
    sum.ms += ms;
    sumFile(counts, sum);
    console.log(`${title}: ${result} after ${clock(ms)}`);
    if (result === "failed") showFailure(log);
    return result;
  }

  private seedOf(round: number): number {
    return (this.settings.seed + round - 1) & MOST_SEED;
  }
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) {
    console.log(HELP);
    return;
  }
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  const search = new Search(settings);
  try {
    await search.run();
  } finally {
    if (showSums(search.sums).failed > 0) process.exitCode = 1;
  }
}

main().catch((error: unknown) => {
  console.error(`test:long: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

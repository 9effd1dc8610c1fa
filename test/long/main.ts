/**
 * `npm run test:long`: searches with new seeds until the budget is over, and sums up. What fails is
 * kept in a log, whose end is shown, with the command that repeats it.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const HELP = `usage: npm run test:long -- [options]

Runs the property tests and the schedules with new seeds and many runs, kills of workers, and once
the seeded bugs, again and again until the budget is over.

  --hours N    budget in hours (2)
  --minutes N  budget in minutes, instead
  --runs N     how many times the random runs of test:all (5)
  --seed N     seed of the first round; each round adds 1 (drawn)
  --help`;

const SHOWN_LINES = 60;
const TSX = ["node_modules/tsx/dist/cli.mjs"];
const VITEST = ["node_modules/vitest/vitest.mjs", "run"];

interface Step {
  readonly name: string;
  readonly args: readonly string[];
  /** Whether only the first round takes it. */
  readonly isOnce?: boolean;
}

interface Sum {
  passed: number;
  failed: number;
  cut: number;
  ms: number;
}

type End = "passed" | "failed" | "cut";

function stepsOf(seed: number): readonly Step[] {
  const kills = ["--seconds", "600", "--kills", "3000", "--seed", String(seed)];
  return [
    { name: "properties", args: [...VITEST, "--project", "property"] },
    { name: "schedules", args: [...VITEST, "--project", "schedule"] },
    { name: "kills", args: [...TSX, "test/stress/main.ts", ...kills] },
    { name: "seeded bugs", args: [...TSX, "test/seeded/main.ts"], isOnce: true },
  ];
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} is ${text}; it takes a number above 0`);
}

function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
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

/** Runs a step until it ends by itself or the budget does. */
function run(step: Step, env: NodeJS.ProcessEnv, log: string, end: number): Promise<End> {
  const output = openSync(log, "w");
  const child = spawn(process.execPath, [...step.args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
    detached: true,
  });
  let isCut = false;
  const stop = (): void => {
    isCut = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(stop, Math.min(end - Date.now(), 2 ** 31 - 1));
  return new Promise((resolve) => {
    child.once("exit", (code) => {
      clearTimeout(timer);
      closeSync(output);
      resolve(isCut ? "cut" : code === 0 ? "passed" : "failed");
    });
  });
}

function showFailure(log: string): void {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  for (const line of lines.slice(-SHOWN_LINES)) console.log(`  ${line}`);
  console.log(`  all of it: ${log}`);
}

function showSums(sums: ReadonlyMap<string, Sum>): void {
  const total: Sum = { passed: 0, failed: 0, cut: 0, ms: 0 };
  console.log("\nstep           passed  failed     cut      time");
  for (const [name, sum] of sums) {
    for (const key of ["passed", "failed", "cut", "ms"] as const) total[key] += sum[key];
    const cells = [sum.passed, sum.failed, sum.cut].map((count) => String(count).padStart(8));
    console.log(`${name.padEnd(13)}${cells.join("")}${clock(sum.ms).padStart(10)}`);
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const options = { hours: text, minutes: text, runs: text, seed: text } as const;
  const { values } = parseArgs({ options: { ...options, help: { type: "boolean" } } });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const minutes =
    values.minutes === undefined
      ? 60 * toNumber("hours", values.hours ?? "2")
      : toNumber("minutes", values.minutes);
  const runs = toNumber("runs", values.runs ?? "5");
  const first = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed);
  const end = Date.now() + 60_000 * minutes;
  const folder = mkdtempSync(join(tmpdir(), "hakmem-long-"));
  const sums = new Map<string, Sum>();
  for (let round = 1; Date.now() < end; round++) {
    const seed = first + round - 1;
    const env = { HAKMEM_TEST_SEED: String(seed), HAKMEM_TEST_RUNS: String(runs) };
    for (const step of stepsOf(seed)) {
      if (Date.now() >= end || (step.isOnce === true && round > 1)) continue;
      const title = `round ${round}, seed ${seed}, ${step.name}`;
      const log = join(folder, `${round}-${step.name.replace(" ", "-")}.log`);
      const hide = showProgress(title, end);
      const start = Date.now();
      const result = await run(step, { HAKMEM_TEST_TIER: "long", ...env }, log, end);
      hide();
      const sum = sums.get(step.name) ?? { passed: 0, failed: 0, cut: 0, ms: 0 };
      sums.set(step.name, sum);
      sum[result]++;
      sum.ms += Date.now() - start;
      console.log(`${title}: ${result} after ${clock(Date.now() - start)}`);
      if (result === "failed") showFailure(log);
    }
  }
  showSums(sums);
}

main().catch((error: unknown) => {
  console.error(`test:long: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

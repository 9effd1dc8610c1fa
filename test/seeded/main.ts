/**
 * Puts each seeded bug into a copy of the project and runs the tests of the shared heap on it,
 * those of the fast tier first: a bug that no test notices fails the run. Prints the table of
 * docs/CONCURRENCY-PROOF.md.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { copyProject } from "../support/planted.js";
import type { SeededBug } from "./bug.js";
import { SEEDED_BUGS } from "./bugs.js";

const USAGE = `usage: npm run seeded -- [options]

  --only REGEX   bugs whose name matches
  --seconds N    time that the tests have to notice a bug (default 400)
  --tests PATH   run these tests only
  --unchecked    do not run the tests without any bug first
  --help
`;

/** Quick tests come first, because the first that fails ends the search. */
const TESTS = [
  ["test/unit/shared", "test/unit/inspect"],
  ["test/schedule"],
  ["test/property/shared"],
] as const;
const TIERS = ["fast", "all"];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "400" },
    tests: { type: "string", default: "" },
    unchecked: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

interface Verdict {
  /** A test file, "" if nothing has caught the bug. */
  readonly caughtBy: string;
  readonly tier: string;
  readonly seconds: number;
}

interface Search {
  readonly tests: readonly string[];
  readonly tier: string;
  /** The file that says which tests failed. */
  readonly report: string;
}

/** What is read of a report. */
interface Report {
  readonly testResults: readonly { readonly name: string; readonly status: string }[];
}

function plant(folder: string, bug: SeededBug): void {
  const path = join(folder, bug.file);
  const source = readFileSync(path, "utf8");
  if (source.split(bug.find).length !== 2) {
    const help = "npx vitest run test/unit/seededBugs.test.ts says what to do";
    throw new Error(`${bug.name}: ${bug.file} does not have its text exactly once; ${help}`);
  }
  writeFileSync(path, source.replace(bug.find, bug.replace));
}

/** Returns the file of the first test that failed, or what was run if no file is to blame. */
function blame(folder: string, { tests, report }: Search): string {
  if (!existsSync(report)) return tests.join(" ");
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
  const failed = testResults.find(({ status }) => status === "failed");
  return failed === undefined ? tests.join(" ") : relative(folder, failed.name);
}

/** Kills the tests that run, and all that they started. */
let stopTests: () => void = () => {};
let isInterrupted = false;

/** Returns what fails: "" if nothing does, undefined if time ran out. */
function runTests(folder: string, search: Search, ms: number): Promise<string | undefined> {
  const { tests, tier, report } = search;
  rmSync(report, { force: true });
  const reporter = ["--reporter", "json", "--outputFile", report];
  return new Promise((resolve) => {
    const child = spawn("npx", ["vitest", "run", "--bail", "1", ...reporter, ...tests], {
      cwd: folder,
      env: { ...process.env, HAKMEM_TEST_TIER: tier, HAKMEM_TEST_RUNS: "1" },
      stdio: "ignore",
      detached: true,
    });
    stopTests = () => {
      resolve(undefined);
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const timer = setTimeout(stopTests, ms);
    child.once("exit", (code) => {
      clearTimeout(timer);
      stopTests = () => {};
      resolve(code === 0 ? "" : blame(folder, search));
    });
  });
}

async function hunt(bug: SeededBug | undefined, seconds: number): Promise<Verdict> {
  const folder = copyProject();
  const report = join(folder, "report.json");
  const start = performance.now();
  const spent = (): number => (performance.now() - start) / 1000;
  const folders = values.tests === "" ? TESTS : [[values.tests]];
  const searches = TIERS.flatMap((tier) => folders.map((tests) => ({ tests, tier, report })));
  try {
    if (bug !== undefined) plant(folder, bug);
    for (const search of searches) {
      const left = seconds - spent();
      // A test that waits notices a bug that makes the code hang.
      const isOver = left <= 0 || isInterrupted;
      const caughtBy = isOver ? undefined : await runTests(folder, search, left * 1000);
      if (caughtBy === undefined) break;
      if (caughtBy !== "") return { caughtBy, tier: search.tier, seconds: spent() };
    }
    return { caughtBy: "", tier: "", seconds: spent() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function interrupt(): void {
  isInterrupted = true;
  stopTests();
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
    return;
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  const seconds = Number(values.seconds);
  const bugs = SEEDED_BUGS.filter(({ name }) => new RegExp(values.only).test(name));
  const clean = values.unchecked ? undefined : await hunt(undefined, 2 * seconds);
  if (clean?.caughtBy) throw new Error(`the tests fail without any bug: ${clean.caughtBy}`);
  console.log("| bug | what it does | caught by | tier | s |");
  console.log("| :--- | :--- | :--- | :--- | ---: |");
  for (const bug of bugs) {
    const { caughtBy, tier, seconds: taken } = await hunt(bug, seconds);
    if (isInterrupted) break;
    const verdict = caughtBy === "" ? "**nothing**" : `\`${caughtBy}\``;
    console.log(`| ${bug.name} | ${bug.harm} | ${verdict} | ${tier} | ${taken.toFixed(0)} |`);
    if (caughtBy === "") process.exitCode = 1;
  }
}

await main();

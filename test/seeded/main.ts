/**
 * Puts each seeded bug into a copy of the project and runs the tests of the shared heap on it: a
 * bug that no test notices fails the run. Prints the table of docs/CONCURRENCY-PROOF.md.
 */
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { copyProject } from "../support/planted.js";
import type { SeededBug } from "./bug.js";
import { SEEDED_BUGS } from "./bugs.js";

const USAGE = `usage: npm run seeded -- [options]

  --only REGEX   bugs whose name matches
  --seconds N    time that the tests have to notice a bug (default 240)
  --help
`;

/** Quick tests come first, because the first that fails ends the search. */
const TESTS = ["test/unit/shared", "test/schedule", "test/property/shared"];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "240" },
    help: { type: "boolean", default: false },
  },
});

interface Verdict {
  readonly caughtBy: string;
  readonly seconds: number;
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

/** Returns whether the tests fail, or undefined if time ran out. */
function runTests(folder: string, tests: string, ms: number): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const child = spawn("npx", ["vitest", "run", "--bail", "1", tests], {
      cwd: folder,
      env: { ...process.env, HAKMEM_TEST_TIER: "all", HAKMEM_TEST_RUNS: "1" },
      stdio: "ignore",
      detached: true,
    });
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      resolve(undefined);
    }, ms);
    child.once("exit", (code) => {
      clearTimeout(timer);
      resolve(code !== 0);
    });
  });
}

async function hunt(bug: SeededBug | undefined, seconds: number): Promise<Verdict> {
  const folder = copyProject();
  const start = performance.now();
  const spent = (): number => (performance.now() - start) / 1000;
  try {
    if (bug !== undefined) plant(folder, bug);
    for (const tests of TESTS) {
      const left = seconds - spent();
      const failed = left <= 0 ? undefined : await runTests(folder, tests, left * 1000);
      // A test that waits notices a bug that makes the code hang.
      if (failed === true) return { caughtBy: tests, seconds: spent() };
      if (failed === undefined) return { caughtBy: "", seconds: spent() };
    }
    return { caughtBy: "", seconds: spent() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const seconds = Number(values.seconds);
  const bugs = SEEDED_BUGS.filter(({ name }) => new RegExp(values.only).test(name));
  const clean = await hunt(undefined, 2 * seconds);
  if (clean.caughtBy !== "") throw new Error(`the tests fail without any bug: ${clean.caughtBy}`);
  console.log("| bug | what it does | caught by | s |\n| :--- | :--- | :--- | ---: |");
  for (const bug of bugs) {
    const { caughtBy, seconds: taken } = await hunt(bug, seconds);
    const verdict = caughtBy === "" ? "**nothing**" : `\`${caughtBy}\``;
    console.log(`| ${bug.name} | ${bug.harm} | ${verdict} | ${taken.toFixed(0)} |`);
    if (caughtBy === "") process.exitCode = 1;
  }
}

await main();

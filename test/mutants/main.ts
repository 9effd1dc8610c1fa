/**
 * `npm run mutants`: changes the core of the sources mechanically, one small change at a time, and
 * counts how many of the changes the tests notice. See docs/TESTING.md.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { startProgress } from "../../bench/term/progress.js";
import { EQUIVALENTS, matches, reasonOf } from "./equivalents.js";
import { DEPTHS, type Depth, judge, type Result, type Stage, stagesOf } from "./hunt.js";
import { FOLDERS, type Mutant, mutantsOfFolder } from "./mutate.js";
import { printScores } from "./scores.js";
import { Tests } from "./tests.js";

const USAGE = `usage: npm run mutants -- [options]

Makes mutants of src/front, central, heap and layout, and runs the tests on each. Results are added
to a file of JSON lines, and a mutant whose result is there is not run again.

  --only FOLDER  mutants of one folder, or of one file (front/slow)
  --sample N     N mutants of each folder (all)
  --seed N       the order of the mutants, and the seed of the tests (1)
  --depth DEPTH  unit, fast (unit tests, properties, schedules), or deep (deep)
  --seconds N    time for each deep stage of a mutant (600)
  --lanes N      how many mutants are run at once (2)
  --out FILE     where results are (build/mutants.jsonl)
  --again        runs those again that survived
  --list         prints the mutants, and runs none
  --one ID       shows one mutant and what catches it
  --help
`;

const text = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;
const { values } = parseArgs({
  options: {
    only: { ...text, default: "" },
    sample: { ...text, default: "Infinity" },
    seed: { ...text, default: "1" },
    seconds: { ...text, default: "600" },
    lanes: { ...text, default: "2" },
    out: { ...text, default: "build/mutants.jsonl" },
    one: { ...text, default: "" },
    depth: { ...text, default: "deep" },
    again: flag,
    list: flag,
    help: flag,
  },
});
const seed = Number(values.seed);
const depth = toDepth(values.depth);
const deepMs = Number(values.seconds) * 1000;

function toDepth(name: string): Depth {
  const found = DEPTHS.find((known) => known === name);
  if (found === undefined) throw new Error(`--depth is ${name}; it takes ${DEPTHS.join(", ")}`);
  return found;
}

function chosenMutants(): Mutant[] {
  const all = FOLDERS.flatMap((folder) => {
    const ofFile = ({ file }: Mutant): boolean =>
      `${file.replace(/^src\/|\.ts$/g, "")}/`.startsWith(`${values.only}/`);
    const mutants = mutantsOfFolder(folder, seed);
    const chosen = values.only === "" ? mutants : mutants.filter(ofFile);
    return values.one === "" ? chosen.slice(0, Number(values.sample)) : chosen;
  });
  const chosen = values.one === "" ? all : all.filter(({ id }) => id === values.one);
  if (chosen.length === 0) throw new Error(`no mutant matches ${values.one || values.only}`);
  return chosen;
}

function folderOf({ file }: Mutant): string {
  return file.split("/")[1] ?? "";
}

function describe({ id, within, line, file, operator, before, after }: Mutant): string {
  const place = `${file}:${line} ${within}`;
  return `${id}  ${operator}  (${place})\n  - ${before}\n  + ${after}`;
}

/** Says which equivalents have lost their place, so that they are adapted or taken off the list. */
function reportLost(): void {
  const all = FOLDERS.flatMap((folder) => mutantsOfFolder(folder, seed));
  for (const equivalent of EQUIVALENTS) {
    if (all.some((mutant) => matches(equivalent, mutant))) continue;
    console.error(`equivalents.ts: ${equivalent.file} has no such mutant: ${equivalent.after}`);
  }
}

function readResults(): Map<string, Result> {
  if (!existsSync(values.out)) return new Map();
  const lines = readFileSync(values.out, "utf8").split("\n");
  const results = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Result);
  return new Map(results.map((result) => [result.id, result]));
}

/** Runs the fast stages without a mutant, so that it is known how long each file takes. */
async function runClean(tests: Tests, stages: readonly Stage[]): Promise<void> {
  const done = new Set<string>();
  for (const stage of stages) {
    const key = stage.tests.join(" ");
    if (done.has(key) || stage.tier !== "fast") continue;
    done.add(key);
    const answer = await tests.run("fast", "", stage.tests);
    if (!answer?.hasPassed) {
      throw new Error(`fails without a mutant: ${stage.name}: ${answer?.failedTest}`);
    }
  }
}

async function runAll(mutants: readonly Mutant[], save: (result: Result) => void): Promise<void> {
  const lanes: Tests[] = [];
  process.once("exit", () => {
    for (const lane of lanes) lane.end();
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const waiting = [...mutants];
  const stagesOfFolder = (folder: string) => stagesOf(folder, depth);
  const used = [...new Set(mutants.map(folderOf))].flatMap(stagesOfFolder);
  const msOf = {};
  // All copies are made now, so that the sources may change meanwhile.
  const first = new Tests(seed, msOf);
  lanes.push(first);
  while (lanes.length < Math.min(Number(values.lanes), mutants.length)) {
    lanes.push(new Tests(seed, msOf));
  }
  await runClean(first, used);
  const work = async (tests: Tests): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      save(await judge(mutant, { tests, stages: stagesOfFolder(folderOf(mutant)), deepMs }));
    }
  };
  await Promise.all(lanes.map(work));
  for (const lane of lanes) lane.end();
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const mutants = chosenMutants();
  reportLost();
  if (values.list) {
    for (const mutant of mutants) console.log(describe(mutant), reasonOf(mutant) ?? "");
    return;
  }
  const results = readResults();
  const isOpen = ({ id }: Mutant): boolean => {
    const status = results.get(id)?.status;
    return values.one !== "" || status === undefined || (values.again && status === "survived");
  };
  const open = mutants.filter(isOpen);
  mkdirSync(dirname(values.out), { recursive: true });
  const progress = startProgress(open.length);
  let done = 0;
  const save = (result: Result): void => {
    results.set(result.id, result);
    appendFileSync(values.out, `${JSON.stringify(result)}\n`);
    progress.show(++done / open.length, `${result.id} ${result.status}`);
  };
  if (open.length > 0) await runAll(open, save);
  progress.done();
  for (const mutant of mutants) {
    const result = results.get(mutant.id);
    const isShown = values.one !== "" || result?.status === "survived";
    if (isShown) console.log(`${describe(mutant)}\n  ${result?.status} ${result?.by}`);
  }
  printScores(mutants, results);
}

await main();

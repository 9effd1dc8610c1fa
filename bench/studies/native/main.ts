/**
 * `npm run bench:native`: hakmem beside the machine's malloc. Each case is measured as
 * `hakmem bench` measures it (bench/measure): all subjects in turn, each in a fresh process in
 * every turn. The tables show medians of the turns, and of the ratios within a turn.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readMachine } from "../../base/machine.js";
import { geometricMean, median, quartiles } from "../../base/statistics.js";
import type { Measured } from "../../measure/inTurn.js";
import { Quiet } from "../../measure/quiet.js";
import { Subjects } from "../../measure/subjects.js";
import { countRounds, DISTURBED } from "../../measure/turns.js";
import { BUILD_PREFIX, readRivals } from "../../rivals/table.js";
import { formatInterval } from "../../term/format.js";
import { startProgress } from "../../term/progress.js";
import { type Column, printTable } from "../../term/table.js";
import { checkWhole, chooseCases } from "../arguments.js";
import { printMachine, runStudy } from "../study.js";
import { type Case, listCases } from "./cases.js";
import { measureCase, measureMemory, type NativeRun, ratioOf, timesOf, toPlan } from "./measure.js";

const OWN = "hakmem";

const HELP = `usage: npm run bench:native -- [options]

  --turns N       turns that count of each case (default 6); on a machine that others disturb there
                  are up to 3 times as many
  --rounds N      slices of a process's round in a turn (default 14); for traces, together
                  as long as a round of \`hakmem bench\`
  --ops N         operations in a slice of the cases without a trace (default 4000000)
  --only REGEX    cases whose "group name" matches, such as trace, "fixed lifo", memory
  --against LIST  rivals, as in \`hakmem bench\` (default native)
  --build DIR     another build of hakmem, with DIR/dist/index.js, as a rival
  --json FILE     writes all figures and probes to FILE
  --help

The command measures the same in the same way:
  trace redis        hakmem bench replay bench/traces/redis.hkt.gz --against native
  fixed tinyhot 64   hakmem bench tiny-hot 64 --tight --against native
  random 256 slots   hakmem bench random-mixed --tight --against native
`;

/** A case with what was measured: times, or bytes by subject. */
interface Result {
  readonly entry: Case;
  readonly all: readonly Measured[];
  readonly bytes: ReadonlyMap<string, number>;
}

const fixed = (value: number): string => value.toFixed(2);

function toColumns(own: string, rivals: readonly string[], isMemory: boolean): Column[] {
  return [
    { name: "case", title: "", align: "left" },
    { name: own, title: own },
    ...(isMemory ? [] : [{ name: "spread", title: "quartiles" }]),
    ...rivals.flatMap((rival) => [
      { name: rival, title: rival },
      { name: `vs ${rival}`, title: isMemory ? `${own} / ${rival}` : `${rival} / ${own}` },
      ...(isMemory ? [] : [{ name: `interval ${rival}`, title: "95 % interval" }]),
    ]),
  ];
}

function toSpeedRow({ entry, all }: Result): Record<string, string> {
  const [own, ...rivals] = all as [Measured, ...Measured[]];
  const [low, high] = quartiles(timesOf(own));
  const row: Record<string, string> = {
    case: `${entry.name}${own.isDisturbed ? " *" : ""}`,
    [own.command.name]: fixed(median(timesOf(own))),
    spread: `${fixed(low)}–${fixed(high)}`,
  };
  for (const rival of rivals) {
    const { name } = rival.command;
    const ratio = ratioOf(rival, own);
    row[name] = fixed(median(timesOf(rival)));
    row[`vs ${name}`] = `${fixed(ratio.median)}×`;
    row[`interval ${name}`] = formatInterval(ratio);
  }
  return row;
}

function toMeanRow(results: readonly Result[]): Record<string, string> {
  const row: Record<string, string> = { case: "geometric mean" };
  for (const [index, { command }] of (results[0]?.all ?? []).entries()) {
    if (index === 0) continue;
    const all = results.map((one) => ratioOf(one.all[index] as Measured, one.all[0] as Measured));
    row[`vs ${command.name}`] = `${fixed(geometricMean(all.map((ratio) => ratio.median)))}×`;
  }
  return row;
}

function printSpeed(title: string, results: readonly Result[]): void {
  const [first] = results;
  if (first === undefined) return;
  console.log(`\n${title}\n`);
  const [own = OWN, ...rivals] = first.all.map(({ command }) => command.name);
  const rows = results.map(toSpeedRow);
  const isFloor = first.entry.group === "floor";
  printTable(toColumns(own, rivals, false), isFloor ? rows : [...rows, toMeanRow(results)]);
  if (results.some(({ all }) => all[0]?.isDisturbed)) console.log(`* ${DISTURBED}`);
}

function printMemory(results: readonly Result[]): void {
  const [first] = results;
  if (first === undefined) return;
  console.log(
    "\nPeak memory, MB (10^6): peakCommittedBytes, and growth of peak RSS; every byte written\n",
  );
  const rivals = [...first.bytes.keys()].filter((name) => name !== OWN);
  const rows = results.map(({ entry, bytes }) => {
    const own = bytes.get(OWN) as number;
    const row: Record<string, string> = { case: entry.name, [OWN]: fixed(own / 1e6) };
    for (const rival of rivals) {
      const other = bytes.get(rival) as number;
      row[rival] = fixed(other / 1e6);
      row[`vs ${rival}`] = `${fixed(own / other)}×`;
    }
    return row;
  });
  printTable(toColumns(OWN, rivals, true), rows);
}

/** All figures with their probes; after each case, so that a long run that is ended keeps them. */
function writeJson(file: string, results: readonly Result[]): void {
  const cases = results.map(({ entry: { group, name }, all, bytes }) => ({
    group,
    name,
    subjects: all.map((one) => ({
      name: one.command.name,
      nsPerOp: timesOf(one),
      ratio: one === all[0] ? null : ratioOf(one, all[0] as Measured),
      isDisturbed: one.isDisturbed,
      turns: one.turns,
    })),
    bytes: Object.fromEntries(bytes),
  }));
  writeFileSync(file, `${JSON.stringify({ machine: readMachine(), cases }, null, 1)}\n`);
}

async function measure(entry: Case, run: NativeRun): Promise<Result> {
  const isMemory = entry.group === "memory";
  const all = isMemory ? [] : await measureCase(entry, run);
  const bytes = isMemory ? await measureMemory(entry, run) : new Map<string, number>();
  return { entry, all, bytes };
}

/** Measures all cases. When interrupted, returns those that are complete. */
async function measureAll(
  cases: readonly Case[],
  run: NativeRun,
  json?: string,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const entry of cases) {
    try {
      results.push(await measure(entry, run));
    } catch (error) {
      if (!run.signal.aborted) throw error;
      break;
    }
    if (json !== undefined) writeJson(json, results);
  }
  // By now the fastest probes of the whole run are known.
  for (const { all } of results) countRounds(all, toPlan(run), run.quiet);
  if (json !== undefined) writeJson(json, results);
  return results;
}

function print(results: readonly Result[]): void {
  const of = (group: Case["group"]): Result[] =>
    results.filter(({ entry }) => entry.group === group);
  printSpeed("Recorded traces, ns per event", of("trace"));
  printSpeed("Fixed sizes, ns per malloc or free", of("fixed"));
  printSpeed("Random mixed 16..1039 B, ns per operation", of("random"));
  printSpeed("Floor: the replay loop without an allocator, ns per event", of("floor"));
  printMemory(of("memory"));
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "6" },
      rounds: { type: "string", default: "14" },
      ops: { type: "string", default: "4000000" },
      only: { type: "string", default: "" },
      against: { type: "string", default: "native" },
      build: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns", "rounds", "ops"]);
  const all = listCases(Number(values.ops));
  const cases = chooseCases(all, ({ group, name }) => `${group} ${name}`, values.only);
  const build = values.build === undefined ? [] : [`${BUILD_PREFIX}${values.build}`];
  const subjects = await Subjects.find([OWN, ...build, ...readRivals(values.against)]);
  const turns = Number(values.turns);
  const progress = startProgress(cases.length * turns * subjects.names.length);
  const common = { turns, rounds: Number(values.rounds), quiet: new Quiet() };
  let results: Result[];
  try {
    const run = { ...common, subjects, progress, signal };
    results = await measureAll(cases, run, values.json);
  } finally {
    progress.done();
  }
  for (const { name, reason } of subjects.skipped) console.log(`Skipped ${name}: ${reason}`);
  printMachine(`${turns} turns of ${values.rounds} rounds; times in ns, medians`);
  print(results);
}

runStudy("bench:native", main);

/**
 * `npm run bench:native`: hakmem beside the machine's malloc, each case in a process of its own,
 * in turn, several times over. Rounds count while the machine is quiet (bench/measure/quiet.ts);
 * the tables show medians of the processes' medians, and their ratios.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { geometricMean, median, quartiles, steady } from "../../base/statistics.js";
import type { Round } from "../../measure/quiet.js";
import { startProgress } from "../../term/progress.js";
import { type Column, printTable } from "../../term/table.js";
import { checkWhole, chooseCases } from "../arguments.js";
import { buildNative, findNatives, ours, type Subject } from "./subjects.js";

interface Case {
  readonly group: "trace" | "fixed" | "random" | "floor" | "memory";
  readonly name: string;
  readonly args: readonly string[];
  /** The least ratio to glibc that is asked for. */
  readonly target?: number;
}

/** The steady rounds of one case's processes, by subject. */
interface Measured {
  readonly entry: Case;
  readonly processes: readonly Processes[];
}

interface Processes {
  readonly subject: Subject;
  readonly rounds: Round[][];
}

/** Figures of one case: by subject, one a process. */
interface Figures {
  readonly of: Map<string, number[]>;
  /** The machine was hardly ever quiet: all rounds count. */
  readonly isDisturbed: boolean;
}

/** Turns of a case on a machine that others disturb, as a multiple of those that are to count. */
const MAX_TURNS = 3;
/** Quiet processes without which all count. */
const MIN_TURNS = 3;

const HELP = `usage: npm run bench:native -- [options]

  --turns N     quiet processes of each subject for each case (default 5); on a machine that others
                disturb up to ${MAX_TURNS} times as many are run
  --rounds N    rounds in a process, of which the later half counts if quiet (default 14)
  --ops N       operations in a round of the synthetic cases (default 4000000)
  --only REGEX  cases whose "group name" matches, such as trace, "fixed lifo", memory
  --json FILE   writes all figures to FILE
  --help
`;

const TRACES = ["sqlite", "redis", "python", "nginx"];
const SIZES = ["16", "64", "256", "1024"];

function listCases(rounds: string, ops: string): Case[] {
  const files = TRACES.map((name) => ({ name, file: `build/${name}.hkt` }));
  return [
    ...files.map(
      ({ name, file }): Case => ({
        group: "trace",
        name,
        args: ["replay", file, rounds],
        target: 1,
      }),
    ),
    ...["lifo", "tinyhot", "batch"].flatMap((mode) =>
      SIZES.map(
        (size): Case => ({
          group: "fixed",
          name: `${mode} ${size}`,
          args: [mode, size, ops, rounds],
          target: 2,
        }),
      ),
    ),
    ...["256", "8192"].map(
      (slots): Case => ({
        group: "random",
        name: `${slots} slots`,
        args: ["random", slots, ops, rounds],
        target: 1.3,
      }),
    ),
    ...files.map(
      ({ name, file }): Case => ({ group: "floor", name, args: ["floor", file, rounds] }),
    ),
    ...files.map(({ name, file }): Case => ({ group: "memory", name, args: ["touch", file] })),
  ];
}

function unpackTraces(): void {
  mkdirSync("build", { recursive: true });
  for (const name of TRACES) {
    writeFileSync(`build/${name}.hkt`, gunzipSync(readFileSync(`bench/traces/${name}.hkt.gz`)));
  }
}

/** The medians of those processes that had quiet rounds, as far as the run knows by now. */
function quietOf({ subject, rounds }: Processes): number[] {
  return rounds.map((one) => subject.quiet.medianOf(one)).filter((one) => one !== undefined);
}

async function measure(
  entry: Case,
  subjects: readonly Subject[],
  turns: number,
  show: (share: number, text: string) => void,
): Promise<Measured> {
  const processes = subjects.map((subject): Processes => ({ subject, rounds: [] }));
  const isDone = (): boolean => processes.every((one) => quietOf(one).length >= turns);
  const most = entry.group === "memory" ? 1 : MAX_TURNS * turns;
  for (let turn = 0; turn < most && !isDone(); turn++) {
    for (const { subject, rounds } of processes) {
      show(Math.min(1, turn / turns), `${entry.group} ${entry.name}  ${subject.name}`);
      const output = await subject.run(entry.args);
      if (entry.group !== "memory") subject.quiet.note(output);
      rounds.push(steady(output));
    }
  }
  return { entry, processes };
}

/** What counts of a case, to be asked when the run is over: the fastest probe is known by then. */
function figuresOf({ entry, processes }: Measured, turns: number): Figures {
  const least = Math.min(turns, MIN_TURNS);
  // Memory is no time: its one figure counts, and ours stands beside the system's, not a probe.
  const isMemory = entry.group === "memory";
  const isDisturbed = !isMemory && processes.some((one) => quietOf(one).length < least);
  const all = ({ rounds }: Processes): number[] =>
    rounds.map((one) => median(one.map(({ figure }) => figure)));
  const of = processes.map(
    (one) => [one.subject.name, isDisturbed || isMemory ? all(one) : quietOf(one)] as const,
  );
  return { of: new Map(of), isDisturbed };
}

function middle(figures: Figures, subject: string): number {
  return median(figures.of.get(subject) ?? []);
}

/** rival / hakmem: above 1, hakmem is faster. Those of a disturbed machine turn by turn. */
function ratio(figures: Figures, rival: string): number {
  if (!figures.isDisturbed) return middle(figures, rival) / middle(figures, ours.name);
  const own = figures.of.get(ours.name) ?? [];
  const others = figures.of.get(rival) ?? [];
  return median(others.map((other, turn) => other / (own[turn] as number)));
}

const fixed = (value: number): string => value.toFixed(2);

function speedRow(
  entry: Case,
  figures: Figures,
  rivals: readonly string[],
): Record<string, string> {
  const own = figures.of.get(ours.name) ?? [];
  const [low, high] = quartiles(own);
  const row: Record<string, string> = {
    case: `${entry.name}${figures.isDisturbed ? " *" : ""}`,
    hakmem: fixed(median(own)),
    spread: `${fixed(low)}–${fixed(high)}`,
  };
  for (const rival of rivals) {
    row[rival] = fixed(middle(figures, rival));
    row[`vs ${rival}`] = `${fixed(ratio(figures, rival))}×`;
  }
  return row;
}

function printSpeed(
  title: string,
  cases: readonly Case[],
  results: Map<Case, Figures>,
  rivals: readonly string[],
): void {
  if (cases.length === 0) return;
  console.log(`\n${title}\n`);
  const columns: Column[] = [
    { name: "case", title: "", align: "left" },
    { name: "hakmem", title: "hakmem" },
    { name: "spread", title: "quartiles" },
    ...rivals.flatMap((rival) => [
      { name: rival, title: rival },
      { name: `vs ${rival}`, title: `${rival} / hakmem` },
    ]),
  ];
  const rows = cases.map((entry) => speedRow(entry, results.get(entry) as Figures, rivals));
  const mean: Record<string, string> = { case: "geometric mean" };
  for (const rival of rivals) {
    const all = cases.map((entry) => ratio(results.get(entry) as Figures, rival));
    mean[`vs ${rival}`] = `${fixed(geometricMean(all))}×`;
  }
  printTable(columns, cases[0]?.group === "floor" ? rows : [...rows, mean]);
  if (cases.some((entry) => results.get(entry)?.isDisturbed))
    console.log("* others used the machine nearly all the time: all rounds count, turn by turn");
}

function printMemory(
  cases: readonly Case[],
  results: Map<Case, Figures>,
  rivals: readonly string[],
): void {
  if (cases.length === 0) return;
  console.log(
    "\nPeak memory, MB (10^6): peakCommittedBytes, and growth of peak RSS; every byte written\n",
  );
  const columns: Column[] = [
    { name: "case", title: "", align: "left" },
    { name: "hakmem", title: "hakmem" },
    ...rivals.flatMap((rival) => [
      { name: rival, title: rival },
      { name: `vs ${rival}`, title: `hakmem / ${rival}` },
    ]),
  ];
  const rows = cases.map((entry) => {
    const figures = results.get(entry) as Figures;
    const own = middle(figures, ours.name);
    const row: Record<string, string> = { case: entry.name, hakmem: fixed(own / 1e6) };
    for (const rival of rivals) {
      const other = middle(figures, rival);
      row[rival] = fixed(other / 1e6);
      row[`vs ${rival}`] = `${fixed(own / other)}×`;
    }
    return row;
  });
  printTable(columns, rows);
}

/** All rounds with their probes; after each case, so that a long run that is ended keeps them. */
function writeJson(file: string, measured: readonly Measured[]): void {
  const results = measured.map(({ entry, processes }) => ({
    ...entry,
    rounds: Object.fromEntries(processes.map(({ subject, rounds }) => [subject.name, rounds])),
  }));
  const report = { node: process.version, cpu: cpus()[0]?.model, results };
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "5" },
      rounds: { type: "string", default: "14" },
      ops: { type: "string", default: "4000000" },
      only: { type: "string", default: "" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns", "rounds", "ops"]);
  const cases = chooseCases(
    listCases(values.rounds, values.ops),
    ({ group, name }) => `${group} ${name}`,
    values.only,
  );
  buildNative();
  unpackTraces();
  const { found, missing } = findNatives();
  const subjects = [ours, ...found];
  const rivals = found.map(({ name }) => name);
  const turns = Number(values.turns);
  const progress = startProgress(cases.length);
  const measured: Measured[] = [];
  for (const [index, entry] of cases.entries()) {
    const show = (share: number, text: string): void =>
      progress.show((index + share) / cases.length, text);
    measured.push(await measure(entry, subjects, turns, show));
    if (values.json !== undefined) writeJson(values.json, measured);
  }
  const results = new Map(measured.map((one) => [one.entry, figuresOf(one, turns)]));
  progress.done();
  for (const line of missing) console.log(line);
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model ?? "unknown CPU"}, ` +
      `${turns} turns or more of ${values.rounds} rounds; times in ns, medians`,
  );
  const of = (group: Case["group"]): Case[] => cases.filter((entry) => entry.group === group);
  printSpeed("Recorded traces, ns per event", of("trace"), results, rivals);
  printSpeed("Fixed sizes, ns per malloc or free", of("fixed"), results, rivals);
  printSpeed("Random mixed 16..1024 B, ns per operation", of("random"), results, rivals);
  printSpeed(
    "Floor: the replay loop without an allocator, ns per event",
    of("floor"),
    results,
    rivals,
  );
  printMemory(of("memory"), results, rivals);
}

main().catch((error: unknown) => {
  console.error(`bench:native: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

/**
 * `npm run bench:buffers`: pools of buffers, handles, writers and readers of a mixed message,
 * structs, framers, unmasking, and WebSocket messages, beside what programs use today. Each turn of
 * a case is a process of its own, in which all subjects take turns; ratios are taken within it, and
 * the tables show their medians.
 */
import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { geometricMean } from "../../base/statistics.js";
import { Figures, type Run, takeTurns } from "../../measure/figures.js";
import { startProgress } from "../../term/progress.js";
import { cell, printRows } from "../../term/table.js";
import { checkWhole, chooseCases } from "../arguments.js";
import { buildProcesses } from "../build.js";
import { printMachine, runStudy, writeFigures } from "../study.js";

const HELP = `usage: npm run bench:buffers -- [options]

  --turns N     processes for each case (default 5)
  --rounds N    rounds of each subject in a process, of which the later half counts (default 12)
  --ms N        the least length of a round (default 60)
  --only REGEX  cases whose "group name" matches, such as read, "pair 64", "pool 1024"
  --json FILE   writes all figures to FILE
  --smoke       one short turn of each case
  --help
`;

interface Group {
  readonly name: string;
  readonly title: string;
  /** What the names of its cases are. */
  readonly unit: string;
  readonly cases: readonly string[];
}

const SIZES = ["64", "256", "512", "1024", "4096", "16384"];
/** Bytes after a multiple of 4: unmasking goes by words, and all that are not at one are alike. */
const ALIGNMENTS = ["0", "1"];

const GROUPS: readonly Group[] = [
  {
    name: "write",
    title: "A mixed message of about 100 bytes is written",
    unit: "bits of its id",
    cases: ["63", "64"],
  },
  {
    name: "read",
    title: "Such messages are read: each from an array, each from a frame, or in a row",
    unit: "from",
    cases: ["array", "frame", "row"],
  },
  {
    name: "structs",
    title: "A message with bits, text, bytes and a list is read, by description and by hand",
    unit: "what",
    cases: ["read"],
  },
  { name: "structs", title: "The same message is written", unit: "what", cases: ["write"] },
  {
    name: "bytes",
    title: "A message of 64 bytes is allocated, cut from a chunk, or written, and released",
    unit: "how",
    cases: ["alloc", "slice", "write"],
  },
  {
    name: "pair",
    title: "A buffer is allocated and freed, one by one",
    unit: "bytes",
    cases: SIZES,
  },
  {
    name: "pool",
    title: "A buffer is freed and another allocated, of 256 live",
    unit: "bytes",
    cases: SIZES,
  },
  { name: "node", title: "The same with Node's buffers", unit: "bytes", cases: SIZES },
  {
    name: "frames",
    title: "Frames of 70 bytes are cut from a chunk, in place or as slices that are released",
    unit: "how",
    cases: ["scan", "push"],
  },
  {
    name: "unmask",
    title: "A WebSocket's payload is unmasked",
    unit: "bytes + alignment",
    cases: ["16", "64", "256", "1024", "4096", "16384", "65536"].flatMap((size) =>
      ALIGNMENTS.map((alignment) => `${size}+${alignment}`),
    ),
  },
  {
    name: "messages",
    title: "A WebSocket message is read: to be kept, in place, and by ws",
    unit: "kind, bytes and frames",
    cases: [
      ...["text 16", "text 1024", "text 16384", "bytes 16", "bytes 1024", "bytes 65536"],
      ...["text 1024 in 8", "bytes 65536 in 64"],
    ],
  },
];

const FOLDER = "build/buffers";
const runFile = promisify(execFile);

/** A case, and the names of its subjects as soon as it was measured: hakmem's first. */
interface Case {
  readonly group: Group;
  readonly name: string;
  subjects: string[];
}

const CASES = GROUPS.flatMap((group) =>
  group.cases.map((name): Case => ({ group, name, subjects: [] })),
);
const nameOf = ({ group, name }: Case): string => `${group.name} ${name}`;

function runOf(entry: Case, plan: readonly string[]): Run {
  const args = ["--expose-gc", `${FOLDER}/process.js`, entry.group.name, entry.name, ...plan];
  return {
    name: nameOf(entry),
    async start(signal) {
      const { stdout } = await runFile(process.execPath, args, { signal });
      const times = Object.entries(JSON.parse(stdout) as Record<string, number>);
      entry.subjects = times.map(([subject]) => subject);
      return Object.fromEntries(times.map(([subject, ns]) => [`${nameOf(entry)} ${subject}`, ns]));
    },
  };
}

function printGroup({ title, unit }: Group, cases: readonly Case[], figures: Figures): void {
  const [own = "", ...rivals] = cases[0]?.subjects ?? [];
  const ratio = (entry: Case, rival: string): number =>
    figures.ratio(`${nameOf(entry)} ${rival}`, `${nameOf(entry)} ${own}`);
  const rows = cases.map((entry) => [
    entry.name,
    ...entry.subjects.map((subject) => cell(figures.middle(`${nameOf(entry)} ${subject}`), 1)),
    ...rivals.map((rival) => cell(ratio(entry, rival))),
  ]);
  const means = rivals.map((rival) =>
    cell(geometricMean(cases.map((entry) => ratio(entry, rival)))),
  );
  const mean = ["geometric mean", "", ...rivals.map(() => ""), ...means];
  const titles = [own, ...rivals].map((name) => `${name}, ns`);
  printRows(
    title,
    [unit, ...titles, ...rivals.map((rival) => `× ${rival}`)],
    cases.length > 1 ? [...rows, mean] : rows,
  );
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "5" },
      rounds: { type: "string", default: "12" },
      ms: { type: "string", default: "60" },
      only: { type: "string", default: "" },
      json: { type: "string" },
      smoke: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns", "rounds", "ms"]);
  const cases = chooseCases(CASES, nameOf, values.only);
  const turns = values.smoke ? 1 : Number(values.turns);
  const plan = values.smoke ? ["2", "1"] : [values.rounds, values.ms];
  buildProcesses(FOLDER, ["bench/studies/buffers/process.ts"]);
  const figures = new Figures();
  const progress = startProgress(turns * cases.length);
  try {
    for (const entry of cases) {
      await takeTurns([runOf(entry, plan)], turns, figures, progress, signal);
    }
  } finally {
    progress.done();
  }
  printMachine(`${turns} turns of ${plan[0]} rounds; medians`);
  if (values.smoke) console.log("A smoke test: its figures are of cold code, and mean nothing.");
  for (const group of GROUPS) {
    printGroup(
      group,
      cases.filter((entry) => entry.group === group),
      figures,
    );
  }
  writeFigures(values.json, figures);
}

runStudy("bench:buffers", main);

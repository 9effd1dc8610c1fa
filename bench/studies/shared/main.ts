/**
 * `npm run bench:shared`: SharedHeap on real workers. Each turn of each case is a process of its
 * own; subjects take turns, ratios are taken within a turn, the tables show their medians.
 */
import { parseArgs } from "node:util";
import { Figures } from "../../measure/figures.js";
import { Quiet } from "../../measure/quiet.js";
import { DISTURBED } from "../../measure/turns.js";
import { startProgress } from "../../term/progress.js";
import { checkWhole, chooseCases } from "../arguments.js";
import { printMachine, runStudy, writeFigures } from "../study.js";
import { LOCAL, LOCAL_TURNS, measureLocal } from "./local.js";
import { buildLoops, buildPeer, measureRemote, measureTwo } from "./loops.js";
import { MANY, measureMany } from "./many.js";
import type { SharedRun } from "./rates.js";

/**
 * Shorter than those of `hakmem bench`: workers beyond the cores take turns, each turn has up to 5
 * subjects, and the command cannot answer what is asked here. The group "local" has its plan.
 */
const ROUND_MS = 60;
const WARM_UP_MS = 100;

const HELP = `usage: npm run bench:shared -- [options]

  --turns N     processes of each subject for each case (default 3); of the group "local" at
                least ${LOCAL_TURNS}, which a 95 % interval needs
  --rounds N    rounds of ${ROUND_MS} ms in a process (default 6); in the group "local", slices of a
                round as \`hakmem bench\` has them
  --only REGEX  cases whose "group name" matches: "local lifo 64", "remote pipe", "two churn",
                "many larson" and others
  --build DIR   another build of hakmem, with DIR/dist/index.js: its SharedHeap, in "local"
  --peer DIR    a folder where npm installed @daneren2005/shared-memory-objects@0.0.4
  --json FILE   writes all figures to FILE
  --help
`;

const CASES = [
  ...LOCAL.map((name) => ["local", name]),
  ["remote", "pipe"],
  ["two", "churn"],
  ...MANY.map((name) => ["many", name]),
];

/** Subjects of a case: about so many steps of the progress bar in a turn. */
const STEPS = 5;

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "3" },
      rounds: { type: "string", default: "6" },
      only: { type: "string", default: "" },
      build: { type: "string" },
      peer: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns", "rounds"]);
  const cases = chooseCases(CASES, (names) => names.join(" "), values.only);
  const namesOf = (group: string): string[] =>
    cases.flatMap(([own, name = ""]) => (own === group ? [name] : []));
  if (values.peer !== undefined) buildPeer(values.peer);
  const [local, many] = [namesOf("local"), namesOf("many")];
  const [hasRemote, hasTwo] = [namesOf("remote").length > 0, namesOf("two").length > 0];
  if (hasRemote || hasTwo) buildLoops();
  const [turns, rounds] = [Number(values.turns), Number(values.rounds)];
  const progress = startProgress(STEPS * turns * cases.length);
  const figures = new Figures();
  const disturbed = new Set<string>();
  const run: SharedRun = {
    turns,
    rounds,
    roundMs: ROUND_MS,
    warmupMs: WARM_UP_MS,
    figures,
    disturbed,
    quiet: new Quiet(),
    progress,
    signal,
  };
  printMachine(`${turns} turns of ${values.rounds} rounds; medians`);
  try {
    if (local.length > 0) await measureLocal(local, run, values.build);
    if (hasRemote) await measureRemote(run, values.peer);
    if (hasTwo) await measureTwo(run);
    if (many.length > 0) await measureMany(many, run);
  } finally {
    progress.done();
  }
  if (disturbed.size > 0) console.log(`\n${DISTURBED} These: ${[...disturbed].join(", ")}.`);
  writeFigures(values.json, figures);
}

runStudy("bench:shared", main);

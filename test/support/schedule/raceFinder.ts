import { readFileSync } from "node:fs";
import { type Access, acceptedRace, nameOf } from "./acceptedRaces.js";
import * as C from "./control.js";
import type { Explorer, Visit } from "./explore.js";
import { type Pair, racesIn } from "./races.js";
import type { Schedule } from "./stage.js";
import { readText } from "./watch.js";

/** Explores schedules, and calls `visit` after each run. */
export type Explore = (visit: Visit) => void;

/** Pairs that one run explains: what it writes down of their places has to fit the text. */
const PAIRS_AT_ONCE = 16;
/** Operations on blocks that another thread may free at the same moment. */
const MISUSES: readonly number[] = [C.FREE_UNORDERED, C.HAND_OVER_UNORDERED];
const KINDS = ["plain read", "plain write", "load", "atomic write", "store"];

interface Race {
  readonly accesses: readonly [Access, Access];
  readonly schedule: Schedule;
  runs: number;
}

/**
 * Explores schedules with views that log, and notes in the outcome all distinct races, each with a
 * schedule, and which of the accepted ones there were.
 */
export function findRaces(explorer: Explorer, explore: Explore): void {
  const { outcome, stage } = explorer;
  const races = new Map<string, Race>();
  explore((schedule) => {
    for (const accesses of racesOf(explorer, schedule)) {
      const known = races.get(keyOf(accesses));
      if (known === undefined) races.set(keyOf(accesses), { accesses, schedule, runs: 1 });
      else known.runs++;
    }
  });
  const kinds = stage.scenario.threads.flat().map(([kind]) => kind);
  const isMisuse = kinds.some((kind) => MISUSES.includes(kind));
  const accepted = new Set<string>();
  outcome.races = [];
  for (const race of races.values()) {
    const known = acceptedRace(...race.accesses, isMisuse);
    if (known === undefined) outcome.races.push(showRace(explorer, race));
    else accepted.add(nameOf(known));
  }
  outcome.acceptedRaces = [...accepted];
}

/** Returns the races of the run that has just ended, which it runs again for their places. */
function racesOf(explorer: Explorer, schedule: Schedule): [Access, Access][] {
  const pairs = racesIn(explorer.stage.control);
  const races: [Access, Access][] = [];
  for (let first = 0; first < pairs.length; first += PAIRS_AT_ONCE) {
    races.push(...explain(explorer, schedule, pairs.slice(first, first + PAIRS_AT_ONCE)));
  }
  return races;
}

/** Returns what tells races apart: their two places in the sources, in whichever order. */
function keyOf(accesses: readonly [Access, Access]): string {
  const places = accesses.map(({ kind, view, line }) => `${kind} ${view} ${line}`);
  return places.sort().join("\n");
}

function showRace(explorer: Explorer, race: Race): string {
  const { scenario, watch } = explorer.stage;
  const shown = race.accesses.map(({ kind, view, callers, line }) => {
    return `  ${kind} of ${view} by ${callers.join(" < ")}\n    ${line}`;
  });
  const replay = JSON.stringify({ scenario, schedule: shorten(explorer, race), watch });
  return `data race, in ${race.runs} runs:\n${shown.join("\n")}\nHAKMEM_SCHEDULE='${replay}'`;
}

/** Leaves out each switch of a race's schedule without which there is the same race. */
function shorten(explorer: Explorer, { accesses, schedule }: Race): Schedule {
  const key = keyOf(accesses);
  let short = schedule;
  for (let index = short.switches.length - 2; index >= 0; index -= 2) {
    const switches = short.switches.filter((_, at) => at !== index && at !== index + 1);
    const shorter = { ...short, switches };
    try {
      explorer.stage.run(shorter);
    } catch {
      continue;
    }
    if (racesOf(explorer, shorter).some((other) => keyOf(other) === key)) short = shorter;
  }
  return short;
}

/** Kills each thread before each of its steps, in each of the schedules that are explored. */
export function exploreDeaths(explorer: Explorer, explore: Explore): Explore {
  const { control, scenario } = explorer.stage;
  return (visit) => {
    const schedules: { schedule: Schedule; steps: Int32Array }[] = [];
    explore((schedule) => {
      schedules.push({ schedule, steps: control.slice(C.OWN_STEPS, C.OWN_STEPS + 8) });
    });
    for (const { schedule, steps } of schedules) {
      for (let thread = 0; thread < scenario.threads.length; thread++) {
        for (let step = 1; step <= (steps[thread] as number); step++) {
          const deadly: Schedule = { ...schedule, victim: [thread, step] };
          if (!explorer.run(deadly)) return;
          visit(deadly);
        }
      }
    }
  };
}

/** Runs a schedule again, and returns the places of the accesses of these pairs. */
function explain(
  { stage }: Explorer,
  schedule: Schedule,
  pairs: readonly Pair[],
): [Access, Access][] {
  const { control } = stage;
  const wanted = [...new Set(pairs.flat())].map((number) => C.LOG + C.LOG_INTS * number);
  for (const at of wanted) control[at] |= C.LOG_WANTED;
  control[C.EXPLAIN] = 1;
  try {
    stage.run(schedule);
  } catch {
    // The text that says the places counts as a failure.
  } finally {
    control[C.EXPLAIN] = 0;
    for (const at of wanted) control[at] &= ~C.LOG_WANTED;
  }
  const texts = new Map<number, string>();
  for (const text of readText(control).split("\n")) texts.set(Number.parseInt(text, 10), text);
  return pairs.map(([first, second]) => [
    toAccess(control, first, texts.get(first) ?? ""),
    toAccess(control, second, texts.get(second) ?? ""),
  ]);
}

/** Makes an access of what was written down about it: `number view function@file:line ...`. */
function toAccess(control: Int32Array, number: number, text: string): Access {
  const kind = KINDS[(control[C.LOG + C.LOG_INTS * number] >>> 4) & 0xf] ?? "";
  const [, view = "", ...frames] = text.split(" ");
  const callers = frames.map((frame) => frame.replace(/\d*@.*/, ""));
  return { kind, view, callers, line: lineOf(frames[0] ?? "") };
}

const files = new Map<string, readonly string[]>();

/** Returns the lines of a source, or of a bundle: those stand beside this one. */
function linesOf(name: string): readonly string[] {
  let lines = files.get(name);
  if (lines === undefined) {
    const file = name.endsWith(".ts") ? name : new URL(name, import.meta.url);
    lines = readFileSync(file, "utf8").split("\n");
    files.set(name, lines);
  }
  return lines;
}

/** Returns the file and the line of the sources of a frame such as `adopt@program.mjs:1234`. */
function lineOf(frame: string): string {
  const [, name = "", line = ""] = /@(.*):(\d+)$/.exec(frame) ?? [];
  if (name === "") return "unknown";
  const lines = linesOf(name);
  const at = Number(line) - 1;
  const text = (lines[at] ?? "").trim().replace(/\(yield\*? |, pending\.result/g, "");
  if (name.endsWith(".ts")) return `${name}: ${text}`;
  // A bundle names each source before what it has of it.
  for (let above = at; above >= 0; above--) {
    const [, file] = /^\/\/ (?:.*\/)?((?:src|test)\/.*\.ts)$/.exec(lines[above] as string) ?? [];
    if (file !== undefined) return `${file}: ${text}`;
  }
  return text;
}

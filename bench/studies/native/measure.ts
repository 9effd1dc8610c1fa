import type { Interval } from "../../base/results.js";
import { medianInterval } from "../../base/statistics.js";
import {
  type Measured,
  measureInTurn,
  nsPerOp,
  type Plan,
  ROUND_MS,
  ratiosOf,
  WARMUP_MS,
  withSubject,
} from "../../measure/inTurn.js";
import { withScriptFile } from "../../measure/scriptFile.js";
import type { Subjects } from "../../measure/subjects.js";
import { LIMIT_MS, type StudyRun } from "../study.js";
import type { Case } from "./cases.js";

const MAX_TURNS = 3;

/** What all cases of a run have in common. */
export interface NativeRun extends StudyRun {
  readonly subjects: Subjects;
}

/** Returns the plan of a case; all cases of a run have the same turns. */
export function toPlan({ turns, rounds }: StudyRun, sliceRuns?: number): Plan {
  const common = { roundMs: ROUND_MS, warmupMs: WARMUP_MS, limitMs: LIMIT_MS };
  const plan = { ...common, rounds: turns, mostRounds: MAX_TURNS * turns, slices: rounds };
  return sliceRuns === undefined ? plan : { ...plan, sliceRuns };
}

/** Measures all subjects of a case in turn. @throws Error if one fails, or when interrupted. */
export async function measureCase(entry: Case, run: NativeRun): Promise<Measured[]> {
  const { subjects, progress, signal, quiet } = run;
  return await withScriptFile(entry.build(), async (file) => {
    const commands =
      entry.group === "floor"
        ? subjects.floorCommands(file)
        : subjects.commandsFor(file, {}).map(({ command }) => command);
    const step = (text: string): void => progress.step(`${entry.group} ${entry.name}, ${text}`);
    const plan = toPlan(run, entry.sliceRuns);
    const all = await measureInTurn(commands, plan, { ...progress, step }, signal, { quiet });
    if (signal.aborted) throw new Error("interrupted");
    for (const { command, failure } of all) {
      if (failure !== null) throw new Error(`${entry.name}: ${command.name}: ${failure}`);
    }
    return all;
  });
}

/**
 * Returns the bytes that each subject needs at most when every byte is written: what hakmem's heap
 * has committed, and how much resident memory rivals add.
 */
export async function measureMemory(
  entry: Case,
  { subjects, progress, signal }: NativeRun,
): Promise<Map<string, number>> {
  const bytes = new Map<string, number>();
  await withScriptFile(entry.build(), async (file) => {
    for (const { name, checker } of subjects.commandsFor(file, {})) {
      progress.step(`${entry.group} ${entry.name}, ${name}`);
      const { heap, peakBytes } = await withSubject(checker, signal, (subject) =>
        subject.ask({ pass: "check", limitMs: LIMIT_MS }),
      );
      bytes.set(name, heap?.peakCommittedBytes ?? peakBytes);
    }
  });
  return bytes;
}

export function timesOf({ rounds }: Measured): number[] {
  return rounds.map(nsPerOp);
}

/** Returns the median, with its interval, of one subject's time / another's within a turn. */
export function ratioOf(above: Measured, below: Measured): Interval {
  return medianInterval(ratiosOf(above, below));
}

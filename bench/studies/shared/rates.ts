import type { Figures } from "../../measure/figures.js";
import { measureInTurn, nsPerOp, withSubject } from "../../measure/inTurn.js";
import type { SubjectCommand } from "../../measure/subjectProcess.js";
import { LIMIT_MS, type StudyRun } from "../study.js";

/** What the cases of bench:shared have in common. */
export interface SharedRun extends StudyRun {
  readonly roundMs: number;
  /** Least warm-up of a process, for each of its workers: beyond the cores they take turns. */
  readonly warmupMs: number;
  /** Where all figures go, by "group case". */
  readonly figures: Figures;
  /** What was measured although the machine was hardly ever quiet. */
  readonly disturbed: Set<string>;
}

/** Fewer workers are warmed up as long as so many. */
const MIN_WARM_UP_WORKERS = 4;

/** How a subject is started, and how many events are one of the operations that are counted. */
export interface RatedCommand extends SubjectCommand {
  readonly eventsPerOperation?: number;
}

/**
 * Checks each subject, then measures all in turn. Adds the millions of operations per second of
 * each turn to the figures, under the subject's name. Returns the most bytes that each heap had
 * committed, in the order of the subjects.
 *
 * @throws Error when a subject fails: a heap that lost a block measures nothing.
 */
export async function measureRates(
  subjects: readonly RatedCommand[],
  workers: number,
  run: SharedRun,
): Promise<number[]> {
  const { turns, rounds, roundMs, warmupMs, figures, disturbed, quiet, progress, signal } = run;
  const peaks: number[] = [];
  for (const command of subjects) {
    const { heap } = await withSubject(command, signal, (subject) =>
      subject.ask({ pass: "check", limitMs: LIMIT_MS }),
    );
    peaks.push(heap?.peakCommittedBytes ?? 0);
  }
  const allWarmupMs = warmupMs * Math.max(MIN_WARM_UP_WORKERS, workers);
  // What the study calls turns and rounds are the rounds of a plan and their slices.
  const plan = {
    rounds: turns,
    roundMs: rounds * roundMs,
    slices: rounds,
    warmupMs: allWarmupMs,
    limitMs: LIMIT_MS,
    counts: true,
  };
  const all = await measureInTurn(subjects, plan, progress, signal, { quiet });
  if (signal.aborted) throw new Error("interrupted");
  return all.map(({ command, turns: taken, rounds: counting, failure, isDisturbed }, index) => {
    if (isDisturbed) disturbed.add(command.name);
    if (failure !== null) throw new Error(`${command.name}: ${failure}`);
    const perOperation = subjects[index]?.eventsPerOperation ?? 1;
    for (const round of counting) figures.add(command.name, 1000 / perOperation / nsPerOp(round));
    // The bound holds in all rounds, not only in those that count.
    const answers = taken.flatMap(({ slices }) => slices);
    const measured = answers.map(({ peakCommittedBytes }) => peakCommittedBytes ?? 0);
    return Math.max(peaks[index] as number, ...measured);
  });
}

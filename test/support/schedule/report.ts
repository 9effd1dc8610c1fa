import { expect } from "vitest";
import { count } from "../counts.js";
import { FACTOR, isFast, SEED, variables } from "../tier.js";
import type { Outcome } from "./explore.js";
import type { Job } from "./jobs.js";

/** A schedule that failed, as a message printed it: it is run again, alone. */
export const REPLAY: string = process.env.HAKMEM_SCHEDULE ?? "";

/** Fails when a job has not run what it was asked to: its result says nothing then. */
function checkBound(name: string, job: Job, { isComplete, isLate, runs }: Outcome): void {
  const { kind, mayBeCut, ms, scenario } = job;
  const isDrawn = ["walk", "random", "twoDeaths", "randomRaces"].includes(kind);
  const asked = isDrawn ? job.runs : mayBeCut;
  const hasEnough = mayBeCut === undefined ? isComplete : isComplete || runs >= mayBeCut;
  if (hasEnough && (!isDrawn || runs >= (asked ?? 0))) return;
  const of = `${runs} of ${asked ?? "all"} schedules`;
  const why = isLate ? `in ${ms} ms` : "by its limit";
  expect.fail(`${name}, ${scenario.name}: ${of} ${why}: not complete`);
}

/** Runs jobs, counts their schedules, and fails when one of them finds something. */
export class Tally {
  private readonly counts: Record<
    string,
    { runs: number; steps: number; complete: number; of: number }
  > = {};
  private readonly runJob: (job: Job) => Promise<Outcome>;

  constructor(runJob: (job: Job) => Promise<Outcome>) {
    this.runJob = runJob;
  }

  async run(name: string, job: Job): Promise<Outcome> {
    const outcome = await this.runJob(job);
    this.counts[name] ??= { runs: 0, steps: 0, complete: 0, of: 0 };
    const own = this.counts[name];
    own.runs += outcome.runs;
    own.steps += outcome.steps;
    own.complete += outcome.isComplete ? 1 : 0;
    own.of++;
    count("schedules", outcome.runs);
    const { failure } = outcome;
    if (failure !== undefined) {
      const { scenario, schedule, watch, message } = failure;
      const replay = JSON.stringify({ scenario, schedule, watch });
      expect.fail(`${message}\n${variables()} HAKMEM_SCHEDULE='${replay}'`);
    }
    checkBound(name, job, outcome);
    expect(outcome.races?.slice(0, 3).join("\n") ?? "").toBe("");
    return outcome;
  }

  print(engine: string): void {
    if (isFast) return;
    const together = { runs: 0, steps: 0 };
    for (const { runs, steps } of Object.values(this.counts)) {
      together.runs += runs;
      together.steps += steps;
    }
    const schedules = Object.fromEntries(
      Object.entries(this.counts).map(([name, { runs, steps, complete, of }]) => {
        return [name, { runs, steps, complete: `${complete} of ${of}` }];
      }),
    );
    const sums = { engine, schedules: { ...schedules, together }, seed: SEED, factor: FACTOR };
    console.log(JSON.stringify(sums, null, 1));
  }
}

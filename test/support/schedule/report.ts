import { expect } from "vitest";
import { count } from "../counts.js";
import { FACTOR, isFast, SEED, variables } from "../tier.js";
import type { Outcome } from "./explore.js";
import type { Job } from "./jobs.js";

/** A schedule that failed, as a message printed it: it is run again, alone. */
export const REPLAY: string = process.env.HAKMEM_SCHEDULE ?? "";

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
    const schedules = { ...this.counts, together };
    console.log(JSON.stringify({ engine, schedules, seed: SEED, factor: FACTOR }, null, 1));
  }
}

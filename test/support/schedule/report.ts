import { expect } from "vitest";
import type { Outcome } from "./explore.js";
import type { Job } from "./jobs.js";

function fromEnv(name: string, fallback: number): number {
  const text = process.env[name];
  return text === undefined || text === "" ? fallback : Number(text);
}

export const SEED: number = fromEnv("HAKMEM_TEST_SEED", Date.now() & 0x7fffffff);
export const FACTOR: number = fromEnv("HAKMEM_TEST_RUNS", 1);
/** A failure, as a message printed it: it is run again, alone. */
export const REPLAY: string = process.env.HAKMEM_SCHEDULE ?? "";

/** Runs jobs, counts what they ran, and fails where they found something. */
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
    const count = this.counts[name];
    count.runs += outcome.runs;
    count.steps += outcome.steps;
    count.complete += outcome.isComplete ? 1 : 0;
    count.of++;
    const { failure } = outcome;
    if (failure !== undefined) {
      const { scenario, schedule, watch, message } = failure;
      const replay = JSON.stringify({ scenario, schedule, watch });
      expect.fail(`${message}\nHAKMEM_SCHEDULE='${replay}' HAKMEM_TEST_SEED=${SEED}`);
    }
    expect(outcome.races?.slice(0, 3).join("\n") ?? "").toBe("");
    return outcome;
  }

  print(engine: string): void {
    const together = { runs: 0, steps: 0 };
    for (const { runs, steps } of Object.values(this.counts)) {
      together.runs += runs;
      together.steps += steps;
    }
    const schedules = { ...this.counts, together };
    console.log(JSON.stringify({ engine, schedules, seed: SEED, factor: FACTOR }, null, 1));
  }
}

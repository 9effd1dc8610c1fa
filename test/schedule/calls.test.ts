import { describe, it } from "vitest";
import { deepIt } from "../support/deep.js";
import { CALLS } from "../support/schedule/fibers/calls.js";
import { MS, tallyOnFibers } from "../support/schedule/fibers/tally.js";
import type { Job } from "../support/schedule/jobs.js";
import { REPLAY } from "../support/schedule/report.js";
import { isFast, runs, SEED } from "../support/tier.js";

/** The fast tier tries some of the schedules, and of the deaths, where there are many. */
const SOME = isFast ? { runs: 300, mayBeCut: 150 } : {};

const tally = tallyOnFibers("fibers, calls");

describe.skipIf(REPLAY !== "").concurrent.each(CALLS)("$name", (scenario) => {
  it("holds in all schedules with few preemptions", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: 1, ms: MS };
    await tally.run("calls, exhaustive to 1 preemption", { ...job, ...SOME });
    if (isFast) return;
    const more = { bound: 2, runs: runs(0, 2500), mayBeCut: 1250 };
    await tally.run("calls, exhaustive to 2 preemptions", { ...job, ...more });
  });

  it("survives a worker's death at each step", async () => {
    const job: Job = { kind: "kills", scenario, ms: MS };
    await tally.run("calls, deaths, no preemption", { ...job, ...SOME });
    if (isFast) return;
    const more = { bound: 1, runs: runs(0, 2000), mayBeCut: 1000 };
    await tally.run("calls, deaths, one preemption", { ...job, ...more });
  });

  it("holds in random schedules, also when one or two workers die", async () => {
    const job: Job = { kind: "random", scenario, runs: runs(30, 1000), seed: SEED, ms: MS };
    await tally.run("random", job);
    await tally.run("plain deaths", { ...job, runs: runs(6, 200), watch: 1 });
    await tally.run("two deaths, random", { ...job, kind: "twoDeaths", runs: runs(12, 300) });
  });

  deepIt("survives two deaths where nothing preempts a worker", async () => {
    const more = { runs: runs(0, 1500), mayBeCut: 375 };
    await tally.run("calls, two deaths", { kind: "pairs", scenario, ms: MS, ...more });
  });
});

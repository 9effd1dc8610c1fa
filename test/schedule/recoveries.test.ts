import fc from "fast-check";
import { describe, it } from "vitest";
import { deepIt } from "../support/deep.js";
import { RECOVERIES } from "../support/schedule/fibers/recoveries.js";
import { LONG_SCENARIOS } from "../support/schedule/fibers/scenarios.js";
import { SLOTS } from "../support/schedule/fibers/slots.js";
import { MS, tallyOnFibers } from "../support/schedule/fibers/tally.js";
import type { Job } from "../support/schedule/jobs.js";
import { programs, steps } from "../support/schedule/programs.js";
import { REPLAY } from "../support/schedule/report.js";
import { SCENARIOS } from "../support/schedule/scenarios.js";
import { isFast, runs, SEED } from "../support/tier.js";

/** The fast tier tries some of the pairs of deaths. */
const SOME_PAIRS = isFast ? { runs: 320, mayBeCut: 80 } : {};

const tally = tallyOnFibers("fibers, recoveries");

describe.skipIf(REPLAY !== "").concurrent.each(SLOTS)("$name", (scenario) => {
  it("holds in all schedules with few preemptions", async () => {
    const bound = isFast ? 1 : 2;
    const job: Job = { kind: "exhaust", scenario, bound, ms: MS };
    await tally.run(`slots, exhaustive to ${bound} preemptions`, job);
  });

  it("survives a worker's death at each step", async () => {
    const kills: Job = { kind: "kills", scenario, ms: MS };
    await tally.run("slots, deaths, no preemption", kills);
    if (isFast) return;
    const more: Job = { ...kills, bound: 1, runs: runs(0, 5000), mayBeCut: 2500 };
    await tally.run("slots, deaths, one preemption", more);
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(RECOVERIES)("$name", (scenario) => {
  it("holds in all schedules with few preemptions", async () => {
    const bound = isFast ? 1 : 2;
    const job: Job = { kind: "exhaust", scenario, bound, ms: MS };
    await tally.run(`recoveries, exhaustive to ${bound} preemptions`, job);
  });

  it("survives a worker's death at each step", async () => {
    await tally.run("recoveries, deaths, no preemption", { kind: "kills", scenario, ms: MS });
  });

  it("survives two deaths where nothing preempts a worker", async () => {
    const job: Job = { kind: "pairs", scenario, ms: MS, ...SOME_PAIRS };
    await tally.run("recoveries, two deaths, no preemption", job);
  });

  deepIt("survives two deaths in all schedules", async () => {
    const more = { runs: runs(0, 5000), mayBeCut: 1250 };
    await tally.run("two deaths", { kind: "reducedPairs", scenario, ms: MS, ...more });
  });
});

const OTHERS = [...SCENARIOS, ...LONG_SCENARIOS];

deepIt.skipIf(REPLAY !== "").concurrent.each(OTHERS)("two deaths: $name", async (scenario) => {
  const more = { runs: runs(0, 2000), mayBeCut: 500 };
  await tally.run("two deaths", { kind: "reducedPairs", scenario, ms: MS, ...more });
});

describe.skipIf(REPLAY !== "").concurrent.each([...RECOVERIES, ...OTHERS])("$name", (scenario) => {
  it("survives two deaths in random schedules", async () => {
    const job: Job = { kind: "twoDeaths", scenario, runs: runs(12, 1000), seed: SEED, ms: MS };
    await tally.run("two deaths, random", job);
  });

  deepIt("survives two deaths between plain writes", async () => {
    const more = { runs: runs(0, 500), seed: SEED, ms: MS, watch: 1 } as const;
    await tally.run("two plain deaths, random", { kind: "twoDeaths", scenario, ...more });
  });
});

it.skipIf(REPLAY !== "")("programs survive two deaths", async () => {
  const property = fc.asyncProperty(programs(steps(), 3, 6), async ({ scenario, seed }) => {
    const job: Job = { kind: "twoDeaths", scenario, runs: isFast ? 20 : 100, seed, ms: MS };
    await tally.run("programs, two deaths", job);
  });
  await fc.assert(property, { numRuns: runs(20, 500) });
});

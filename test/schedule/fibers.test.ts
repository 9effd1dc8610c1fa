import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deepDescribe, deepIt, itIf } from "../support/deep.js";
import { ATTACH, MALLOC_WAIT, RECOVER } from "../support/schedule/control.js";
import { LONG_SCENARIOS, RETAKEN, TWICE, WAITS } from "../support/schedule/fibers/scenarios.js";
import { MS, tallyOnFibers } from "../support/schedule/fibers/tally.js";
import type { Job } from "../support/schedule/jobs.js";
import { largeHeaps, programs, roomyHeaps, steps } from "../support/schedule/programs.js";
import { REPLAY } from "../support/schedule/report.js";
import { SCENARIOS } from "../support/schedule/scenarios.js";
import { isFast, runs, SEED } from "../support/tier.js";

/** A bound that is explored in full for every scenario. */
const PREEMPTIONS = isFast ? 2 : 3;
/** How many schedules of each program are drawn, and how many that differ are run at most. */
const RANDOM_RUNS = isFast ? 40 : 200;
const REDUCED_RUNS = isFast ? 20 : 100;
/** More than the blocks of any slab. */
const MANY = 2100;

const tally = tallyOnFibers("fibers");

describe.skipIf(REPLAY !== "").concurrent.each(TWICE)("twice: $name", (scenario) => {
  it("is freed once in all schedules with few preemptions", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: PREEMPTIONS, ms: MS };
    const what = `spans at the same moment, exhaustive to ${PREEMPTIONS} preemptions`;
    await tally.run(what, job);
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(SCENARIOS)("$name", (scenario) => {
  it("holds in all schedules with few preemptions", async () => {
    const bound = PREEMPTIONS;
    const job: Job = { kind: "exhaust", scenario, bound, ms: MS, isClassed: true };
    const bounded = await tally.run(`exhaustive to ${PREEMPTIONS} preemptions`, job);
    if (isFast) return;
    const all = await tally.run("all, reduced", { ...job, kind: "reduce" });
    // A recovery reads headers that others may write, and who attaches notes the time, which
    // depends on the turns: that order is none of the reduction's.
    const isOther = (kind: number): boolean => kind === RECOVER || kind === ATTACH;
    if (scenario.threads.flat().some(([kind]) => isOther(kind))) return;
    const classes = new Set(all.classes);
    expect(bounded.classes?.filter((one) => !classes.has(one))).toEqual([]);
  });

  it("survives a worker's death at each step where nothing preempts it", async () => {
    await tally.run("deaths, no preemption", { kind: "kills", scenario, ms: MS });
  });

  deepIt("survives a worker's death at each step of all schedules", async () => {
    await tally.run("deaths", { kind: "reducedKills", scenario, ms: MS });
  });

  it("survives deaths between plain writes", async () => {
    await tally.run("plain deaths", {
      kind: "random",
      scenario,
      runs: runs(25, 1000),
      seed: SEED,
      ms: MS,
      watch: 1,
    });
  });

  it("holds in random schedules", async () => {
    const job: Job = { kind: "random", scenario, runs: runs(100, 2500), seed: SEED, ms: MS };
    await tally.run("random", job);
  });
});

deepDescribe.skipIf(REPLAY !== "").concurrent.each(LONG_SCENARIOS)("long: $name", (scenario) => {
  it("holds in all schedules", async () => {
    // Questions whether a worker lives make millions of schedules of several recoveries.
    const recoveries = scenario.threads.flat().filter(([kind]) => kind === RECOVER).length;
    const more = recoveries > 1 ? { runs: runs(0, 30_000), mayBeCut: 15_000 } : {};
    await tally.run("all, reduced", { kind: "reduce", scenario, ms: MS, ...more });
  });

  it("survives deaths, and holds in random schedules", async () => {
    const kills = { runs: runs(0, 3000), mayBeCut: 1500 };
    await tally.run("deaths", { kind: "reducedKills", scenario, ms: MS, ...kills });
    const job: Job = { kind: "random", scenario, runs: runs(0, 4000), seed: SEED, ms: MS };
    await tally.run("random", job);
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(RETAKEN)("retaken: $name", (scenario) => {
  it("keeps the blocks of others in all schedules with one preemption", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: 1, ms: MS };
    const { isComplete } = await tally.run("slabs of another class, 1 preemption", job);
    expect(isComplete).toBe(true);
  });

  deepIt("keeps them in random schedules, also when a worker dies", async () => {
    const job: Job = { kind: "random", scenario, runs: runs(0, 2000), seed: SEED, ms: MS };
    await tally.run("random", job);
    await tally.run("plain deaths", { ...job, runs: runs(0, 500), watch: 1 });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(WAITS)("waits: $name", (scenario) => {
  it("is woken in all schedules with few preemptions", async () => {
    const bound = isFast ? 1 : 2;
    const job: Job = { kind: "exhaust", scenario, bound, ms: MS };
    await tally.run(`waits, exhaustive to ${bound} preemptions`, job);
  });

  it("holds in random schedules, with deaths and waits whose time is over", async () => {
    const impatient = { ...scenario, isPatient: false };
    const more = { scenario: impatient, runs: runs(150, 4000), seed: SEED, ms: MS };
    await tally.run("random", { kind: "random", ...more });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each([
  { title: "of 2 or 3 threads", threads: 3, length: 4, numRuns: runs(40, 1000) },
  { title: "of up to 4 threads", threads: 4, length: 10, numRuns: runs(12, 300) },
])("programs $title", ({ title, threads, length, numRuns }) => {
  it("hold in random schedules, and when a worker dies", async () => {
    const program = programs(steps(), threads, length);
    const property = fc.asyncProperty(program, async ({ scenario, seed }) => {
      const job: Job = { kind: "random", scenario, runs: RANDOM_RUNS, seed, ms: MS };
      await tally.run(`programs ${title}`, job);
      const hasWaits = scenario.threads.flat().some(([kind]) => kind === MALLOC_WAIT);
      if (threads > 3 || hasWaits) return;
      const reduced = { ...job, runs: REDUCED_RUNS, mayBeCut: REDUCED_RUNS };
      await tally.run(`programs ${title}, reduced`, { ...reduced, kind: "reduce" });
    });
    await fc.assert(property, { numRuns });
  });
});

describe.skipIf(REPLAY !== "").concurrent("programs with many blocks or slabs", () => {
  it("hold where slabs are filled and outboxes are sent late", async () => {
    const program = programs(steps(MANY), 3, 6, roomyHeaps());
    const property = fc.asyncProperty(program, async ({ scenario, seed }) => {
      const job: Job = { kind: "random", scenario, runs: runs(10, 40), seed, ms: MS };
      await tally.run("programs with many blocks", job);
      await tally.run("programs with many blocks", { ...job, watch: 1 });
    });
    await fc.assert(property, { numRuns: runs(8, 100) });
  });

  deepIt("hold where mail has a bit for two dirty words", async () => {
    const program = programs(steps(), 3, 4, largeHeaps());
    const property = fc.asyncProperty(program, async ({ scenario, seed }) => {
      const job: Job = { kind: "random", scenario, runs: runs(0, 20), seed, ms: MS };
      await tally.run("programs with many slabs", job);
    });
    await fc.assert(property, { numRuns: runs(0, 30) });
  });
});

itIf(REPLAY !== "")("a schedule is run again", async () => {
  const { scenario, schedule, watch } = JSON.parse(REPLAY);
  await tally.run("replay", { kind: "replay", scenario, schedules: [schedule], watch, ms: MS });
});

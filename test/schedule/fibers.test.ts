import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MALLOC_WAIT, RECOVER } from "../support/schedule/control.js";
import { Pool } from "../support/schedule/fibers/pool.js";
import { LONG_SCENARIOS, TWICE, WAITS } from "../support/schedule/fibers/scenarios.js";
import type { Job } from "../support/schedule/jobs.js";
import { programs, steps } from "../support/schedule/programs.js";
import { FACTOR, REPLAY, SEED, Tally } from "../support/schedule/report.js";
import { SCENARIOS } from "../support/schedule/scenarios.js";

/** A bound that is explored in full for every scenario. */
const PREEMPTIONS = 3;
const MS = 120_000;
/** Of a program's schedules: how many at random, and how many of those that differ at the most. */
const RANDOM_RUNS = 200;
const REDUCED_RUNS = 100;

let pool: Pool;
const tally = new Tally((job: Job) => pool.run(job));

beforeAll(async () => {
  pool = await Pool.start();
});

afterAll(async () => {
  await pool.stop();
  tally.print("fibers");
});

describe.skipIf(REPLAY !== "").concurrent.each(TWICE)("twice: $name", (scenario) => {
  it("is freed once in all schedules with few preemptions", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: PREEMPTIONS, ms: MS };
    const { isComplete } = await tally.run(
      "spans at the same moment, exhaustive to 3 preemptions",
      job,
    );
    expect(isComplete).toBe(true);
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(SCENARIOS)("$name", (scenario) => {
  it("holds in all schedules with few preemptions", async () => {
    const bound = PREEMPTIONS;
    const job: Job = { kind: "exhaust", scenario, bound, ms: MS, isClassed: true };
    const bounded = await tally.run("exhaustive to 3 preemptions", job);
    expect(bounded.isComplete).toBe(true);
    const all = await tally.run("all, reduced", { ...job, kind: "reduce" });
    expect(all.isComplete).toBe(true);
    // A recovery reads headers that others may write: that order is none of the reduction's.
    if (scenario.threads.flat().some(([kind]) => kind === RECOVER)) return;
    const classes = new Set(all.classes);
    expect(bounded.classes?.filter((one) => !classes.has(one))).toEqual([]);
  });

  it("survives a worker's death at each step of all schedules", async () => {
    const kills = await tally.run("deaths", { kind: "reducedKills", scenario, ms: MS });
    expect(kills.isComplete).toBe(true);
  });

  it("survives deaths between plain writes", async () => {
    const runs = 1000 * FACTOR;
    await tally.run("plain deaths", {
      kind: "random",
      scenario,
      runs,
      seed: SEED,
      ms: MS,
      watch: 1,
    });
  });

  it("has no data race in any schedule", async () => {
    const races = await tally.run("races", { kind: "reducedRaces", scenario, ms: MS });
    expect(races.isComplete).toBe(true);
  });

  it("holds in random schedules", async () => {
    const runs = 2500 * FACTOR;
    await tally.run("random", { kind: "random", scenario, runs, seed: SEED, ms: MS });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(LONG_SCENARIOS)("long: $name", (scenario) => {
  it("holds in all schedules", async () => {
    const all = await tally.run("all, reduced", { kind: "reduce", scenario, ms: MS });
    expect(all.isComplete).toBe(true);
  });

  it("survives deaths, has no data race, and holds in random schedules", async () => {
    await tally.run("deaths", { kind: "reducedKills", scenario, runs: 3000 * FACTOR, ms: MS });
    await tally.run("races", { kind: "reducedRaces", scenario, runs: 300 * FACTOR, ms: MS });
    const runs = 4000 * FACTOR;
    await tally.run("random", { kind: "random", scenario, runs, seed: SEED, ms: MS });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(WAITS)("waits: $name", (scenario) => {
  it("is woken in all schedules with few preemptions", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: 2, ms: MS };
    const { isComplete } = await tally.run("waits, exhaustive to 2 preemptions", job);
    expect(isComplete).toBe(true);
  });

  it("holds in random schedules, with deaths and timed-out waits", async () => {
    const runs = 4000 * FACTOR;
    const impatient = { ...scenario, isPatient: false };
    await tally.run("random", { kind: "random", scenario: impatient, runs, seed: SEED, ms: MS });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each([
  { title: "of 2 or 3 threads", threads: 3, length: 4, runs: 1000 },
  { title: "of up to 4 threads", threads: 4, length: 10, runs: 300 },
])("programs $title", ({ title, threads, length, runs }) => {
  it("hold in random schedules, and when a worker dies", async () => {
    const program = programs(steps(false), threads, length);
    const property = fc.asyncProperty(program, async ({ scenario, seed }) => {
      const job: Job = { kind: "random", scenario, runs: RANDOM_RUNS, seed, ms: MS };
      await tally.run(`programs ${title}`, job);
      const hasWaits = scenario.threads.flat().some(([kind]) => kind === MALLOC_WAIT);
      if (threads > 3 || hasWaits) return;
      await tally.run(`programs ${title}, reduced`, { ...job, kind: "reduce", runs: REDUCED_RUNS });
    });
    await fc.assert(property, { numRuns: runs * FACTOR, seed: SEED });
  });
});

describe.skipIf(REPLAY === "")("a schedule", () => {
  it("is run again", async () => {
    const { scenario, schedule, watch } = JSON.parse(REPLAY);
    await tally.run("replay", { kind: "replay", scenario, schedules: [schedule], watch, ms: MS });
  });
});

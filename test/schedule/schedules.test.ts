import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deepIt, itIf } from "../support/deep.js";
import { drain, mallocBatch, mallocWait, type Op, realloc } from "../support/schedule/control.js";
import type { Untold } from "../support/schedule/explore.js";
import { Random } from "../support/schedule/fibers/deciders.js";
import { Pool } from "../support/schedule/fibers/pool.js";
import { MS } from "../support/schedule/fibers/tally.js";
import type { Job } from "../support/schedule/jobs.js";
import { programs, steps } from "../support/schedule/programs.js";
import { RACED } from "../support/schedule/raced.js";
import { REPLAY, Tally } from "../support/schedule/report.js";
import {
  attached,
  fill,
  LARGE,
  SCENARIOS,
  type Scenario,
  SPAN,
} from "../support/schedule/scenarios.js";
import type { Schedule, Victim } from "../support/schedule/stage.js";
import { Threads } from "../support/schedule/threads.js";
import { isOverlapping } from "../support/schedule/untold.js";
import { isFast, runs, SEED } from "../support/tier.js";

/** How often each scenario is run on both engines: without and with plain writes as steps. */
const COMPARED = runs(4, 40);
/** The fast tier hands few turns from thread to thread: each costs much on a busy machine. */
const ON_THREADS = isFast ? SCENARIOS.slice(0, 4) : SCENARIOS;

let threads: Threads;
let pool: Pool;
const onThreads = new Tally((job: Job) => threads.run(job));
const onFibers = new Tally((job: Job) => pool.run(job));

beforeAll(async () => {
  threads = await Threads.start();
  pool = await Pool.start();
});

afterAll(async () => {
  await threads.stop();
  await pool.stop();
  onThreads.print("threads");
});

function drawSchedules({ threads: { length } }: Scenario, seed: number): Schedule[] {
  const random = new Random(seed);
  return Array.from({ length: COMPARED }, (_, run) => {
    const switches: number[] = [];
    const gap = 2 + random.below(20);
    for (let step = random.below(gap); step < 300; step += 1 + random.below(gap)) {
      switches.push(step, random.below(length));
    }
    if (run % 2 === 0) return { switches };
    const drawDeath = (): Victim => [random.below(length), 1 + random.below(40)];
    const secondVictim = run % 4 === 3 ? drawDeath() : undefined;
    return { switches, victim: drawDeath(), secondVictim, freeLive: random.below(2) === 0 };
  });
}

function compare(scenario: Scenario, seed: number): Promise<void> {
  return compareIn(scenario, drawSchedules(scenario, seed));
}

/** Runs schedules on both engines: the same operations, words and results, and the same image. */
async function compareIn(scenario: Scenario, schedules: readonly Schedule[]): Promise<void> {
  for (const watch of [0, 1] as const) {
    const job: Job = { kind: "replay", scenario, schedules, watch, ms: MS };
    const real = await onThreads.run("compared", job);
    const { hashes } = await onFibers.run("compared", job);
    expect(hashes).toEqual(real.hashes);
  }
}

describe.skipIf(REPLAY !== "").each(ON_THREADS)("$name", (scenario) => {
  it("is the same on threads and on fibers", () => compare(scenario, SEED));

  it("holds on threads in all schedules without preemptions", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: 0, ms: MS };
    await onThreads.run("exhaustive 0", job);
  });

  deepIt("holds on threads: few preemptions, deaths, random schedules", async () => {
    const job: Job = { kind: "exhaust", scenario, bound: 1, ms: MS };
    await onThreads.run("exhaustive 1", job);
    await onThreads.run("kills", { ...job, kind: "kills", bound: 0 });
    const some = { ...job, runs: runs(0, 700), mayBeCut: 350, bound: 0 };
    await onThreads.run("plain kills", { ...some, kind: "plainKills" });
    await onThreads.run("races", { ...job, kind: "races", bound: 0 });
    await onThreads.run("walks", { ...job, kind: "walk", runs: runs(0, 500), seed: SEED });
  });
});

/** Operations with a `catch` or a `finally`, which a death passes on its way out. */
const CATCHING: readonly (readonly [name: string, slots: number[], op: Op])[] = [
  ["a span of its own shrinks to a small block", [], realloc(8, 60)],
  ["another's span moves", [], realloc(9, 60)],
  ["a batch is allocated", [], mallocBatch(0, LARGE)],
  ["a batch finds no memory", [0, 1], mallocBatch(4, LARGE)],
  ["a wait finds no memory", [0, 1, 2, 3], mallocWait(4, LARGE)],
];

describe.skipIf(REPLAY !== "").each(CATCHING)("%s", (name, slots, op) => {
  it("dies the same death on threads and on fibers", async () => {
    const preamble = attached(
      2,
      ...fill(0, SPAN, 8),
      ...fill(1, SPAN, 9),
      ...fill(1, LARGE, ...slots),
    );
    const scenario: Scenario = { name, slabs: 8, preamble, threads: [[op], [drain]] };
    const schedules = Array.from({ length: 60 }, (_, step): Schedule => {
      return { switches: [], victim: [0, step + 1] };
    });
    await compareIn(scenario, schedules);
  });
});

/** What a double free that nobody is told of may leave: a block that is free and in transit. */
const KNOWN_DAMAGE = /^$|^(told, but )?invariant (freeBits|transit),/;

describe.skipIf(REPLAY !== "").each(RACED)("freed twice: $name", (scenario) => {
  it("is told to one of the two, unless the owner takes part", async () => {
    const bound = isFast && scenario.threads.length > 2 ? 1 : 2;
    const job: Job = { kind: "untold", scenario, bound, ms: MS };
    const { untold = [] } = await onThreads.run(`freed twice, exhaustive ${bound}`, job);
    expect(untold.filter((one) => !isOverlapping(one))).toEqual([]);
    const isKnown = ({ story }: Untold) => scenario.untoldBy.some((me) => story.includes(`${me}w`));
    expect(untold.filter((one) => !isKnown(one))).toEqual([]);
    expect(untold.filter(({ damage }) => !KNOWN_DAMAGE.test(damage))).toEqual([]);
  });
});

deepIt.skipIf(REPLAY !== "")("programs are the same on threads and on fibers", async () => {
  const property = fc.asyncProperty(programs(steps(), 3, 6), ({ scenario, seed }) =>
    compare(scenario, seed),
  );
  await fc.assert(property, { numRuns: runs(0, 60) });
});

itIf(REPLAY !== "")("a schedule is run again", async () => {
  const { scenario, schedule, watch } = JSON.parse(REPLAY);
  if (scenario.threads.length > 3) return;
  const job: Job = { kind: "replay", scenario, schedules: [schedule], watch, ms: MS };
  await onThreads.run("replay", job);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deepDescribe, deepIt } from "../support/deep.js";
import { ACCEPTED_RACES, nameOf } from "../support/schedule/acceptedRaces.js";
import * as C from "../support/schedule/control.js";
import type { Plant } from "../support/schedule/fibers/build.js";
import { Pool } from "../support/schedule/fibers/pool.js";
import { LONG_SCENARIOS, TWICE, WAITS } from "../support/schedule/fibers/scenarios.js";
import { tallyOnFibers } from "../support/schedule/fibers/tally.js";
import type { Job } from "../support/schedule/jobs.js";
import { FEW, programs, steps } from "../support/schedule/programs.js";
import { racesIn } from "../support/schedule/races.js";
import { REPLAY } from "../support/schedule/report.js";
import {
  attached,
  fill,
  LARGE,
  SCENARIOS,
  type Scenario,
  SPAN,
} from "../support/schedule/scenarios.js";
import { isFast, runs, SEED } from "../support/tier.js";

const MS = 240_000;
/** Random schedules of each program; every second one has a death. */
const RANDOM_RUNS = isFast ? 20 : 50;
/** The fast tier takes every seventh scenario. */
const DRAWN = SCENARIOS.filter((_, index) => !isFast || index % 7 === 0);

const { DEATH_SEEN, PLAIN_READ, PLAIN_WRITE, SYNC_READ, SYNC_STORE, SYNC_WRITE, WAITERS } = C;

type Event = readonly [thread: number, kind: number, address: number, bytes: number];

/** Returns the races in a log of these events. */
function racesOf(...events: Event[]): (readonly [number, number])[] {
  const control = new Int32Array(C.CONTROL_INTS);
  control[C.LOG_COUNT] = events.length;
  events.forEach(([thread, kind, address, bytes], number) => {
    control.set([thread | (kind << 4), address, bytes], C.LOG + C.LOG_INTS * number);
  });
  return racesIn(control).map(([first, second]) => [first, second]);
}

/** Thread 0 writes data, then does the first operation on a word; 1 does the second, and reads. */
function isOrderedBy(first: number, second: number, between: readonly Event[] = []): boolean {
  const races = racesOf(
    [0, PLAIN_WRITE, 64, 4],
    [0, first, 128, 4],
    ...between,
    [1, second, 128, 4],
    [1, PLAIN_READ, 64, 4],
  );
  const last = 3 + between.length;
  expect(races.filter(([one, two]) => one !== 0 || two !== last)).toEqual([]);
  return races.length === 0;
}

describe("racesIn", () => {
  it("finds two plain accesses of which one is a write", () => {
    expect(racesOf([0, PLAIN_WRITE, 64, 4], [1, PLAIN_WRITE, 64, 4])).toEqual([[0, 1]]);
    expect(racesOf([0, PLAIN_WRITE, 64, 4], [1, PLAIN_READ, 64, 4])).toEqual([[0, 1]]);
    expect(racesOf([0, PLAIN_READ, 64, 4], [1, PLAIN_WRITE, 64, 4])).toEqual([[0, 1]]);
    expect(racesOf([0, PLAIN_READ, 64, 4], [1, PLAIN_READ, 64, 4])).toEqual([]);
    expect(racesOf([0, PLAIN_WRITE, 64, 4], [0, PLAIN_WRITE, 64, 4])).toEqual([]);
    expect(racesOf([0, PLAIN_WRITE, 64, 4], [1, PLAIN_WRITE, 68, 4])).toEqual([]);
  });

  it("finds a plain access and an Atomics operation of which one is a write", () => {
    expect(racesOf([0, PLAIN_WRITE, 64, 4], [1, SYNC_READ, 64, 4])).toEqual([[0, 1]]);
    expect(racesOf([0, PLAIN_READ, 64, 4], [1, SYNC_WRITE, 64, 4])).toEqual([[0, 1]]);
    expect(racesOf([0, SYNC_STORE, 64, 4], [1, PLAIN_READ, 64, 4])).toEqual([[0, 1]]);
    expect(racesOf([0, SYNC_READ, 64, 4], [1, PLAIN_READ, 64, 4])).toEqual([]);
    expect(racesOf([0, SYNC_STORE, 64, 4], [1, SYNC_WRITE, 64, 4])).toEqual([]);
  });

  it("finds accesses of different widths that overlap, also of Atomics", () => {
    expect(racesOf([0, PLAIN_WRITE, 64, 16], [1, PLAIN_READ, 79, 1])).toEqual([[0, 1]]);
    expect(racesOf([0, SYNC_STORE, 64, 4], [1, SYNC_READ, 65, 1])).toEqual([[0, 1]]);
    expect(racesOf([0, SYNC_READ, 64, 4], [1, SYNC_READ, 65, 1])).toEqual([]);
  });

  it("finds all pairs, each once", () => {
    const events: Event[] = [
      [0, PLAIN_WRITE, 64, 4],
      [1, PLAIN_READ, 64, 4],
      [2, PLAIN_WRITE, 64, 4],
    ];
    expect(racesOf(...events)).toEqual([
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
  });

  it("orders by a write and a read of the same word", () => {
    for (const write of [SYNC_STORE, SYNC_WRITE]) {
      expect(isOrderedBy(write, SYNC_READ)).toBe(true);
      expect(isOrderedBy(write, SYNC_WRITE)).toBe(true);
      expect(isOrderedBy(write, SYNC_STORE)).toBe(false);
    }
    // A compare-exchange that fails is logged as a read.
    expect(isOrderedBy(SYNC_READ, SYNC_WRITE)).toBe(false);
    expect(isOrderedBy(SYNC_READ, SYNC_READ)).toBe(false);
  });

  it("orders only by the write that is read", () => {
    // An operation that reads passes on what it has acquired; a store does not.
    expect(isOrderedBy(SYNC_STORE, SYNC_READ, [[2, SYNC_WRITE, 128, 4]])).toBe(true);
    expect(isOrderedBy(SYNC_STORE, SYNC_READ, [[2, SYNC_STORE, 128, 4]])).toBe(false);
    expect(isOrderedBy(SYNC_STORE, SYNC_READ, [[2, SYNC_READ, 128, 4]])).toBe(true);
  });

  it("orders nothing by a write of another width, or a plain one", () => {
    const by = (address: number, bytes: number, kind: number): number =>
      racesOf(
        [0, PLAIN_WRITE, 64, 4],
        [0, SYNC_STORE, 128, 4],
        [0, kind, address, bytes],
        [1, SYNC_READ, 128, 4],
        [1, PLAIN_READ, 64, 4],
      ).filter(([first, second]) => first === 0 && second === 4).length;
    expect(by(132, 4, SYNC_STORE)).toBe(0);
    expect(by(130, 1, SYNC_STORE)).toBe(1);
    expect(by(128, 4, PLAIN_WRITE)).toBe(1);
  });

  it("orders waits and notifies at one address, which write nothing", () => {
    expect(isOrderedBy(WAITERS, WAITERS)).toBe(true);
    expect(isOrderedBy(WAITERS, SYNC_READ)).toBe(false);
    expect(isOrderedBy(SYNC_STORE, WAITERS)).toBe(false);
    expect(racesOf([0, PLAIN_WRITE, 128, 4], [1, WAITERS, 128, 0])).toEqual([]);
  });

  it("orders a death before the thread that is told of it, and no other", () => {
    const written: Event = [0, PLAIN_WRITE, 64, 4];
    expect(racesOf(written, [1, DEATH_SEEN, 0, 0], [1, PLAIN_READ, 64, 4])).toEqual([]);
    expect(racesOf(written, [1, DEATH_SEEN, 0, 0], [2, PLAIN_READ, 64, 4])).toEqual([[0, 2]]);
  });
});

const tally = tallyOnFibers("races");
const seen = new Set<string>();

/** Runs a job, which fails if there is a race that is not accepted. */
async function check(name: string, job: Job): Promise<void> {
  const { acceptedRaces = [] } = await tally.run(name, job);
  for (const race of acceptedRaces) seen.add(race);
}

/** Lets each thread recover the others, if they have died, and go on after that. */
function thenRecover(scenario: Scenario): Scenario {
  const threads = scenario.threads.map((ops, me): readonly C.Op[] => {
    const others = scenario.threads.map((_, other) => other).filter((other) => other !== me);
    const recoveries = others.map((other) => C.recover(other));
    return [...ops, ...recoveries, C.malloc(20 + me, 60), C.free(me), C.drain];
  });
  return { ...scenario, threads };
}

describe.skipIf(REPLAY !== "").concurrent.each(DRAWN)("$name", (scenario) => {
  it("has no data race in random schedules, half of them with a death", async () => {
    const job = { scenario: thenRecover(scenario), runs: runs(20, 100), seed: SEED, ms: MS };
    await check("random, deaths", { kind: "randomRaces", ...job });
  });

  deepIt("has no data race in any schedule", async () => {
    await check("all, reduced", { kind: "reducedRaces", scenario, ms: MS });
  });

  deepIt("has no data race when a worker dies at an operation", async () => {
    await check("deaths", { kind: "deathRaces", scenario: thenRecover(scenario), ms: MS });
  });
});

deepDescribe.skipIf(REPLAY !== "").concurrent.each(LONG_SCENARIOS)("long: $name", (scenario) => {
  it("has no data race in schedules that differ", async () => {
    const some = { runs: runs(0, 300), mayBeCut: 300 };
    const job: Job = { kind: "reducedRaces", scenario, ms: MS, ...some };
    const { acceptedRaces = [] } = await tally.run("some, reduced", job);
    for (const race of acceptedRaces) seen.add(race);
  });

  it("has no data race in random schedules, half of them with a death", async () => {
    const job = { scenario: thenRecover(scenario), runs: runs(0, 100), seed: SEED, ms: MS };
    await check("random, deaths", { kind: "randomRaces", ...job });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(WAITS)("waits: $name", (scenario) => {
  it("has no data race in random schedules, half of them with a death", async () => {
    const impatient = { ...scenario, isPatient: false };
    const job = { scenario: thenRecover(impatient), runs: runs(10, 150), seed: SEED, ms: MS };
    await check("waits, random", { kind: "randomRaces", ...job });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each(TWICE)("twice: $name", (scenario) => {
  it("races only for the header that says whether the span is live", async () => {
    await check("misuse", { kind: "races", scenario, bound: isFast ? 1 : 2, ms: MS });
  });
});

/** What has marks is given back while a worker leaves that they name, and the next one attaches. */
const DISOWNED: readonly Scenario[] = [
  {
    name: "a slab",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1), [0, C.handOver(0, 1)]),
    threads: [
      [C.free(0), C.free(1), C.drain],
      [C.detach, C.attach],
    ],
  },
  {
    name: "a span, which becomes a slab",
    slabs: 4,
    preamble: attached(2, ...fill(0, SPAN, 0), [0, C.handOver(0, 1)]),
    threads: [
      [C.free(0), C.malloc(1, 60), C.malloc(2, LARGE), C.free(1), C.free(2), C.drain],
      [C.detach, C.attach],
    ],
  },
  {
    name: "a slab of the dead, by its recovery",
    slabs: 5,
    preamble: attached(
      3,
      ...fill(2, LARGE, 0),
      [2, C.handOver(0, 1)],
      [0, C.free(0)],
      [0, C.drain],
    ),
    threads: [
      [C.recover(2), C.drain],
      [C.detach, C.attach],
    ],
  },
  {
    name: "a block that was handed over to the dead is freed",
    slabs: 5,
    preamble: attached(3, ...fill(0, LARGE, 0, 1), [0, C.handOver(0, 2)], [0, C.handOver(1, 2)]),
    threads: [[C.drain], [C.free(0), C.drain, C.recover(2)]],
  },
  {
    name: "a block that was handed over to the dead is freed while it is recovered",
    slabs: 5,
    preamble: attached(3, ...fill(0, LARGE, 0, 1), [0, C.handOver(0, 2)], [0, C.handOver(1, 2)]),
    threads: [[C.recover(2)], [C.free(0), C.drain]],
  },
  {
    name: "the slab of a block that was handed over to the dead is given back",
    slabs: 5,
    preamble: attached(3, ...fill(1, LARGE, 0), [1, C.handOver(0, 2)]),
    threads: [[C.recover(2)], [C.free(0), C.drain]],
  },
  {
    name: "a span that the dead handed over becomes a slab, which is given back",
    slabs: 4,
    preamble: attached(3, ...fill(2, SPAN, 0), [2, C.handOver(0, 1)]),
    threads: [[C.recover(2)], [C.free(0), C.malloc(1, LARGE), C.free(1), C.drain]],
  },
];

deepDescribe.skipIf(REPLAY !== "").concurrent.each(DISOWNED)("disowned: $name", (scenario) => {
  it("has no data race in schedules with few preemptions", async () => {
    await check("disowned", { kind: "races", scenario, bound: 2, ms: MS });
  });
});

describe.skipIf(REPLAY !== "").concurrent.each([
  { threads: 2, length: 8, numRuns: runs(8, 120) },
  { threads: 3, length: 5, numRuns: runs(8, 120) },
])("programs of up to $threads threads", ({ threads, length, numRuns }) => {
  it("have no data race in random schedules, half of them with a death", async () => {
    const program = programs(steps(FEW, 0), threads, length);
    const property = fc.asyncProperty(program, async ({ scenario, seed }) => {
      const job = { scenario: thenRecover(scenario), runs: RANDOM_RUNS, seed, ms: MS };
      await check("programs, random", { kind: "randomRaces", ...job });
    });
    await fc.assert(property, { numRuns });
  });
});

const PLANTED: readonly (Plant & { readonly name: string; readonly place: string })[] = [
  {
    name: "remote bits are read by a plain access",
    file: "src/central/remote.ts",
    find: "sync.load(words, layout.remoteBits + index) | 0;",
    replace: "words[layout.remoteBits + index] | 0;",
    place: "plain read of words by collectWord",
  },
  {
    name: "a slab's state is read by a plain access",
    file: "src/central/states.ts",
    find: "return sync.load(views.words, views.layout.states + slab);",
    replace: "return views.words[views.layout.states + slab];",
    place: "plain read of words by loadState",
  },
  {
    name: "a recovery writes to a slab after it has been given away",
    file: "src/heap/recover.ts",
    find: "    publishAbandoned(views, slab, classIndex);\n",
    replace:
      "    publishAbandoned(views, slab, classIndex);\n" +
      "    records[slabAt + slabRecord.FREE_COUNT] = free;\n",
    place: "plain write of records by recoverSlab",
  },
];

deepDescribe.skipIf(REPLAY !== "")("a planted race is found:", () => {
  it.each(PLANTED)("$name", async ({ place, ...plant }) => {
    const planted = await Pool.start(plant);
    try {
      const races = new Set<string>();
      const property = fc.asyncProperty(programs(steps(FEW, 0), 3, 6), async (program) => {
        const scenario = thenRecover(program.scenario);
        const job: Job = { kind: "randomRaces", scenario, runs: 40, seed: program.seed, ms: MS };
        if (races.size > 0) return;
        const found = await planted.run(job);
        for (const race of found.races ?? []) if (race.includes(place)) races.add(race);
      });
      await fc.assert(property, { numRuns: 60 });
      expect(races.size).toBeGreaterThan(0);
    } finally {
      await planted.stop();
    }
  });
});

deepIt.skipIf(REPLAY !== "")("each accepted race is seen", () => {
  expect([...seen].sort()).toEqual(ACCEPTED_RACES.map(nameOf).sort());
});

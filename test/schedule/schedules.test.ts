import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  attach,
  detach,
  drain,
  free,
  handOver,
  malloc,
  type Op,
  realloc,
  showOp,
} from "../support/schedule/control.js";
import type { Failure } from "../support/schedule/explore.js";
import { type Job, type Result, Threads } from "../support/schedule/launch.js";
import { SCENARIOS, type Scenario } from "../support/schedule/scenarios.js";

function fromEnv(name: string, fallback: number): number {
  const text = process.env[name];
  return text === undefined || text === "" ? fallback : Number(text);
}

const SEED = fromEnv("HAKMEM_TEST_SEED", Date.now() & 0x7fffffff);
const FACTOR = fromEnv("HAKMEM_TEST_RUNS", 1);
/** A failure, as a message printed it: it is run again, alone. */
const REPLAY = process.env.HAKMEM_SCHEDULE ?? "";

/** A bound that is explored in full for every scenario, and one for as long as there is time. */
const FULL_PREEMPTIONS = 2;
const MORE_PREEMPTIONS = 3;

let threads: Threads;
const counts: Record<string, { runs: number; steps: number; complete: number; of: number }> = {};

beforeAll(async () => {
  threads = await Threads.start();
});

afterAll(async () => {
  await threads.stop();
  console.log(JSON.stringify({ schedules: counts, seed: SEED, factor: FACTOR }));
});

function explain({ scenario, schedule, watch, message }: Failure): string {
  const replay = JSON.stringify({ scenario, schedule, watch });
  return `${message}\nHAKMEM_SCHEDULE='${replay}' HAKMEM_TEST_SEED=${SEED}`;
}

async function run(name: string, job: Job): Promise<Result> {
  const result = await threads.run(job);
  const count = counts[name] ?? { runs: 0, steps: 0, complete: 0, of: 0 };
  count.runs += result.runs;
  count.steps += result.steps;
  count.complete += result.isComplete ? 1 : 0;
  count.of++;
  counts[name] = count;
  if (result.failure !== undefined) expect.fail(explain(result.failure));
  return result;
}

describe.skipIf(REPLAY !== "").each(SCENARIOS)("$name", (scenario) => {
  it("holds in all schedules with few preemptions", async () => {
    const bound = FULL_PREEMPTIONS;
    const full = await run("exhaustive 2", { kind: "exhaust", scenario, bound, ms: 60_000 });
    expect(full.isComplete).toBe(true);
    const ms = 1000 * FACTOR;
    const more = Math.min(MORE_PREEMPTIONS, scenario.bound ?? MORE_PREEMPTIONS);
    if (more > bound) await run("exhaustive 3", { kind: "exhaust", scenario, bound: more, ms });
  });

  it("survives a worker's death at each of its steps", async () => {
    await run("kills 0", { kind: "kills", scenario, bound: 0, ms: 60_000 });
    await run("kills 1", { kind: "kills", scenario, bound: 1, ms: 700 * FACTOR });
  });

  it("survives a worker's death between two plain writes", async () => {
    await run("plain kills", { kind: "plainKills", scenario, bound: 0, ms: 700 * FACTOR });
  });

  it("has no data race", async () => {
    const result = await run("races", { kind: "races", scenario, bound: 1, ms: 500 * FACTOR });
    expect(result.races?.slice(0, 3).join("\n") ?? "").toBe("");
  });

  it("holds in random schedules", async () => {
    const seed = SEED;
    await run("walks", { kind: "walk", scenario, runs: 500 * FACTOR, seed, ms: 500 * FACTOR });
  });
});

const SLOTS = 6;
const slot = fc.nat(SLOTS - 1);
const size = fc.constantFrom(60, 2000, 20000, 30000, 65536, 70000);
const step: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(slot, size).map(([at, bytes]) => malloc(at, bytes)) },
  { weight: 4, arbitrary: slot.map(free) },
  { weight: 1, arbitrary: fc.tuple(slot, size).map(([at, bytes]) => realloc(at, bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(drain, attach, detach) },
  { weight: 1, arbitrary: fc.tuple(slot, fc.nat(2)).map(([at, to]) => handOver(at, to)) },
);

const program = fc.record({
  before: fc.array(fc.tuple(fc.nat(2), step), { maxLength: 8 }),
  threads: fc.array(fc.array(step, { maxLength: 10 }), { minLength: 2, maxLength: 3 }),
  gaps: fc.array(fc.tuple(fc.nat(25), fc.nat(2)), { maxLength: 30 }),
  slabs: fc.integer({ min: 5, max: 8 }),
  interval: fc.integer({ min: 1, max: 2 }),
  victim: fc.option(fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 120 }))),
});

describe("programs", () => {
  it.skipIf(REPLAY !== "")("hold in random schedules, and when a worker dies", async () => {
    const property = fc.asyncProperty(program, async (drawn) => {
      const { before, gaps, victim, ...rest } = drawn;
      const preamble = [...[0, 1, 2].map((me): [number, Op] => [me, attach]), ...before];
      const name = `before: ${before.map(([me, op]) => `${me}:${showOp(op)}`).join(" ")}`;
      const scenario: Scenario = { name, preamble, ...rest };
      let at = 0;
      const switches = gaps.flatMap(([gap, to]) => {
        at += gap + 1;
        return [at, to % rest.threads.length];
      });
      const schedule = victim === null ? { switches } : { switches, victim };
      await run("programs", { kind: "replay", scenario, schedule, ms: 1000 });
    });
    await fc.assert(property, { numRuns: 1500 * FACTOR, seed: SEED });
  });

  it.skipIf(REPLAY === "")("replays a schedule", async () => {
    const { scenario: name, schedule, watch } = JSON.parse(REPLAY) as Failure;
    const scenario = SCENARIOS.find((one) => one.name === name);
    if (scenario === undefined) throw new Error(`no scenario ${name}`);
    await run("replay", { kind: "replay", scenario, schedule, watch, ms: 1000 });
  });
});

import * as C from "../control.js";

import { killEach, killPairs, laterDeaths } from "../deaths.js";
import { Explorer, type Visit } from "../explore.js";
import { findRaces } from "../raceFinder.js";
import type { Schedule, Stage, Victim, Watch } from "../stage.js";
import type { Decider } from "../turns.js";

import { Pct, Random, Walk } from "./deciders.js";
import type { Engine } from "./engine.js";
import { Reduction } from "./reduce.js";

const MAX_DEPTH = 5;
/** When pairs of deaths are limited, so many fewer schedules are explored. */
const PAIRS_PER_SCHEDULE = 10;
/** Deaths that are drawn after each first one. */
const LATER_DEATHS = 3;
/** One random run in this many has a death, by what is watched: plain writes are for deaths. */
const DEATH_OF = [4, 1, 4, 2];

/** Explores as only fibers can: each step is decided when the run comes to it. */
export class FiberExplorer extends Explorer {
  private readonly engine: Engine;
  classes: Set<number> | undefined;

  constructor(stage: Stage, engine: Engine, watch: Watch, ms: number) {
    super(stage, watch, ms);
    this.engine = engine;
  }

  /** Notes the classes of the runs from here on. */
  noteClasses(): void {
    this.engine.isClassing = true;
    this.classes = new Set();
  }

  override run(schedule: Schedule): boolean {
    const goesOn = super.run(schedule);
    if (!this.engine.isCut) this.classes?.add(this.stage.control[C.CLASS]);
    return goesOn;
  }

  private runDecided(decider: Decider, more: Omit<Schedule, "switches"> = {}): boolean {
    const { engine, outcome } = this;
    engine.decider = decider;
    const goesOn = this.run({ ...more, switches: [] });
    engine.decider = undefined;
    if (!goesOn && outcome.failure !== undefined) {
      const schedule = { ...more, switches: [...engine.taken] };
      outcome.failure = { ...outcome.failure, schedule };
    }
    return goesOn;
  }

  /** Runs at least one schedule of each class of equivalent ones. */
  reduce(limit = Infinity, visit?: (switches: readonly number[]) => void): void {
    const { engine, outcome } = this;
    const reduction = new Reduction(engine);
    do {
      reduction.begin();
      if (outcome.runs >= limit) outcome.isComplete = false;
      if (outcome.runs >= limit || !this.runDecided(reduction)) return;
      if (engine.isCut) outcome.cut = (outcome.cut ?? 0) + 1;
      else visit?.([...engine.taken]);
    } while (reduction.next());
  }

  /** In one schedule of each class, kills each thread before each of its steps. */
  reducedKills(limit: number): void {
    killEach(this, limit, (visit) => this.reduce(limit, visit));
  }

  reducedPairs(limit: number): void {
    killPairs(this, limit, (visit) => this.reduce(limit / PAIRS_PER_SCHEDULE, visit));
  }

  reducedRaces(limit: number): void {
    findRaces(this, (visit) => this.reduce(limit, (switches) => visit({ switches })));
  }

  randomRaces(runs: number, seed: number): void {
    findRaces(this, (visit) => this.random(runs, seed, visit));
  }

  /** Runs random schedules, by priorities or uniform, some of them with a death. */
  random(runs: number, seed: number, visit?: Visit): void {
    const { control, scenario } = this.stage;
    const deathOf = DEATH_OF[control[C.WATCH]] as number;
    const random = new Random(seed);
    if (!this.run({ switches: [] })) return;
    const threads = scenario.threads.length;
    const own = control.slice(C.OWN_STEPS, C.OWN_STEPS + 8);
    let steps = control[C.STEP];
    for (let run = 0; run < runs; run++) {
      const isWalk = run % 3 === 2;
      const depth = 1 + random.below(MAX_DEPTH);
      const decider = isWalk ? new Walk(random) : new Pct(random, threads, steps, depth);
      const victim = random.below(threads);
      const more: Omit<Schedule, "switches"> =
        run % deathOf === deathOf - 1
          ? {
              victim: [victim, 1 + random.below(Math.max(1, own[victim]))],
              freeLive: random.below(2) === 0,
            }
          : {};
      if (!this.runDecided(decider, more)) {
        this.shrink();
        return;
      }
      visit?.({ ...more, switches: [...this.engine.taken] });
      if (more.victim !== undefined) continue;
      steps = control[C.STEP];
      own.set(control.subarray(C.OWN_STEPS, C.OWN_STEPS + 8));
    }
  }

  /** Runs random schedules in which a thread dies, and then others that die later. */
  twoDeaths(runs: number, seed: number): void {
    const { control, scenario } = this.stage;
    const { outcome } = this;
    const random = new Random(seed);
    if (!this.run({ switches: [] })) return;
    const threads = scenario.threads.length;
    const own = control.slice(C.OWN_STEPS, C.OWN_STEPS + 8);
    const steps = control[C.STEP];
    while (outcome.runs < runs) {
      const depth = 1 + random.below(MAX_DEPTH);
      const isWalk = outcome.runs % 3 === 2;
      const decider = isWalk ? new Walk(random) : new Pct(random, threads, steps, depth);
      const thread = random.below(threads);
      const victim: Victim = [thread, 1 + random.below(Math.max(1, own[thread]))];
      const isOver =
        !this.runDecided(decider, { victim, freeLive: random.below(2) === 0 }) ||
        !this.killLater(random, { victim, switches: [...this.engine.taken] });
      if (!isOver) continue;
      this.shrink();
      return;
    }
  }

  /** Runs a schedule with one death again, with some of the deaths that can follow it. */
  private killLater(random: Random, first: Schedule): boolean {
    const later = laterDeaths(this.stage.control);
    for (let run = 0; run < LATER_DEATHS && later.length > 0; run++) {
      const secondVictim = later[random.below(later.length)];
      const freeLive = random.below(2) === 0;
      if (!this.run({ ...first, secondVictim, freeLive })) return false;
    }
    return true;
  }
}

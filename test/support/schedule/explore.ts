import * as C from "./control.js";
import type { Scenario } from "./scenarios.js";
import type { Schedule, Stage, Watch } from "./stage.js";

export interface Failure {
  readonly scenario: Scenario;
  readonly schedule: Schedule;
  readonly watch: Watch;
  readonly message: string;
}

/** Runs in which threads did the same to a block's header, in the same order, and left the same. */
export interface Untold {
  /** `0r 1r 0w 1w`: both read the header before one of them wrote it. */
  readonly story: string;
  /** What the checks say of the heap that is left; empty if all is well. */
  readonly damage: string;
  runs: number;
  /** The switches of the first of these runs. */
  readonly switches: readonly number[];
}

export interface Outcome {
  runs: number;
  steps: number;
  /** False if something was left out, because of a limit or for want of time. */
  isComplete: boolean;
  /** Whether time ran out. */
  isLate: boolean;
  /** Three numbers per run of a replay: its hash, its steps, and the hash of the image it left. */
  hashes?: number[];
  /** Runs that were ended early because they were nothing new. */
  cut?: number;
  /** Each data race, with its places in the sources and a schedule. */
  races?: string[];
  /** Which of the accepted races there were. */
  acceptedRaces?: string[];
  /** Runs in which nobody was told that a block was freed twice. */
  untold?: Untold[];
  /** Classes of equivalent runs, if the job asks for them. */
  classes?: number[];
  failure?: Failure;
}

/** Is called after each run that ended well. */
export type Visit = (schedule: Schedule) => void;

/** Explores the schedules of a scenario until one fails or time runs out. */
export class Explorer {
  readonly stage: Stage;
  /** Whether what the checks find is noted in `damage`, and no failure. */
  mayDamage = false;
  damage = "";
  readonly outcome: Outcome = { runs: 0, steps: 0, isComplete: true, isLate: false };
  private readonly watch: Watch;
  private readonly end: number;

  constructor(stage: Stage, watch: Watch, ms: number) {
    this.stage = stage;
    this.watch = watch;
    this.end = performance.now() + ms;
  }

  private get threads(): number {
    return this.stage.scenario.threads.length;
  }

  /** Runs one schedule; returns whether to go on. */
  run(schedule: Schedule): boolean {
    const { outcome, watch } = this;
    if ((outcome.runs & 63) === 0 && performance.now() > this.end) {
      outcome.isLate = true;
      outcome.isComplete = false;
    }
    if (outcome.failure !== undefined || outcome.isLate) return false;
    outcome.runs++;
    this.damage = "";
    try {
      this.stage.run(schedule);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.damage = error instanceof Error ? error.message : message;
      if (this.mayDamage) return true;
      outcome.failure = { scenario: this.stage.scenario, schedule, watch, message };
      return false;
    }
    outcome.steps += this.stage.control[C.STEP];
    return true;
  }

  /** Runs schedules one after another, and notes their hashes. */
  replay(schedules: readonly Schedule[], visit?: Visit): void {
    const { stage } = this;
    const { control } = stage;
    const hashes: number[] = [];
    stage.wantsImage = true;
    for (const schedule of schedules) {
      if (!this.run(schedule)) break;
      hashes.push(control[C.HASH], control[C.STEP], stage.image);
      visit?.(schedule);
    }
    this.outcome.hashes = hashes;
  }

  private trace(): Int32Array {
    const { control } = this.stage;
    return control.slice(C.TRACE, C.TRACE + Math.min(control[C.STEP], C.MAX_STEPS));
  }

  /**
   * Runs every schedule of at most `bound` preemptions that begins with these switches, but at most
   * `limit` in all, and calls `visit` after each. Returns whether it went to the end.
   */
  exhaust(
    bound: number,
    limit: number,
    visit?: (switches: readonly number[]) => void,
    switches: number[] = [],
  ): boolean {
    const { outcome, threads } = this;
    if (outcome.runs >= limit) outcome.isComplete = false;
    if (outcome.runs >= limit || !this.run({ switches })) return false;
    const trace = this.trace();
    visit?.(switches);
    const from = switches.length === 0 ? 0 : (switches[switches.length - 2] as number) + 1;
    for (let step = from; step < trace.length; step++) {
      const at = trace[step] as number;
      const me = at & 0xf;
      const done = (at >>> C.TRACE_DONE_SHIFT) & 0xf;
      const isEnd = (at & C.TRACE_LEFT) !== 0;
      const isFree = isEnd || step === 0;
      if (!isFree && (bound === 0 || (at & C.TRACE_FIRST) !== 0)) continue;
      const standard = isEnd ? at >>> C.TRACE_TO_SHIFT : me;
      for (let to = 0; to < threads; to++) {
        if (((done >>> to) & 1) === 1 || to === standard) continue;
        const left = isFree ? bound : bound - 1;
        if (!this.exhaust(left, limit, visit, [...switches, step, to])) return false;
      }
    }
    return true;
  }

  /** Runs random schedules: half of them with few preemptions, half with many. */
  walk(runs: number, seed: number): void {
    let state = seed | 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return Math.floor(((state >>> 4) / 2 ** 28) * below);
    };
    if (!this.run({ switches: [] })) return;
    const steps = this.stage.control[C.STEP];
    const { threads } = this;
    for (let run = 0; run < runs; run++) {
      const switches: number[] = [];
      const gap = run % 2 === 0 ? (2 * steps) / (2 + random(6)) : 2 + random(12);
      for (let step = random(gap); step < 2 * steps; step += 1 + random(gap)) {
        switches.push(step, random(threads));
        if (switches.length >= 2 * C.MAX_SWITCHES - 2) break;
      }
      if (!this.run({ switches })) {
        this.shrink();
        return;
      }
    }
  }

  /** Shortens the schedule that failed: leaves out each switch without which it fails too. */
  protected shrink(): void {
    for (let index = 0; ; ) {
      const { failure } = this.outcome;
      if (failure === undefined || index >= failure.schedule.switches.length) return;
      const switches = failure.schedule.switches.filter((_, at) => at >> 1 !== index >> 1);
      delete this.outcome.failure;
      if (this.run({ ...failure.schedule, switches })) {
        this.outcome.failure = failure;
        index += 2;
      } else if (this.outcome.failure === undefined) {
        this.outcome.failure = failure;
        return;
      }
    }
  }
}

import { formatShared } from "../../../src/heap/attach.js";
import { Agent, World } from "./agent.js";
import * as C from "./control.js";
import type { Scenario } from "./scenarios.js";
import { fail, Settling } from "./settling.js";
import { readText } from "./watch.js";

/** A thread, and the step of its own before which it dies. */
export type Victim = readonly [thread: number, step: number];

/** A run is a function of a scenario and of these. */
export interface Schedule {
  /** Pairs: a step, and the thread that has the turn from there on. */
  readonly switches: readonly number[];
  /** The thread that dies before one of its steps. */
  readonly victim?: Victim;
  /** A thread that dies besides that one. */
  readonly secondVictim?: Victim | undefined;
  readonly freeLive?: boolean;
}

const NOBODY: Victim = [-1, 0];

/** Whether views are watched, and how: see C.WATCH. */
export type Watch = 0 | 1 | 2 | 3 | 4;

/** A heap in which a scenario is run again and again. */
export class Stage {
  readonly control: Int32Array;
  readonly scenario: Scenario;
  readonly watch: Watch;
  private readonly buffer: SharedArrayBuffer;
  private readonly world: World;
  private readonly runThreads: () => boolean;
  private readonly bytes: Int32Array;
  private readonly snapshot: Int32Array;
  private readonly table: Int32Array;
  private readonly workersOf: Int32Array;
  private readonly settling: Settling;
  /** Hash of the header map and the metadata at the end of the last run, if it is wanted. */
  image = 0;
  wantsImage = false;

  /** @param open makes what runs the threads' operations, and says whether to the end. */
  constructor(
    buffer: SharedArrayBuffer,
    control: Int32Array,
    scenario: Scenario,
    watch: Watch,
    open: () => () => boolean,
  ) {
    this.buffer = buffer;
    this.control = control;
    this.scenario = scenario;
    this.watch = watch;
    control[C.CONFIG]++;
    control[C.SLABS] = scenario.slabs;
    control[C.FAST_CAP] = scenario.fastCap ?? 1;
    control[C.MAX_WORKERS] = scenario.workers ?? 4;
    control[C.PATIENT] = scenario.isPatient === true ? 1 : 0;
    control[C.INTERVAL] = scenario.interval ?? 1;
    control[C.WATCH] = watch;
    control[C.THREADS] = scenario.threads.length;
    this.world = new World(buffer, control, false);
    this.settling = new Settling(control, this.world);
    this.bytes = new Int32Array(buffer, 0, control[C.SLABS] << 14);
    this.bytes.fill(0);
    this.prepare();
    this.runThreads = open();
    const { firstSlab } = this.world.handle(0).views.layout;
    this.bytes = this.bytes.subarray(0, firstSlab << 14);
    this.snapshot = Int32Array.from(this.bytes);
    this.table = control.slice(C.SLOT_TABLE, C.SLOT_TABLE + C.SLOT_COUNT);
    this.workersOf = control.slice(C.WORKER_OF, C.WORKER_OF + 8);
  }

  private prepare(): void {
    const { control, scenario, world } = this;
    formatShared(this.buffer, world.options, world.workers);
    control[C.DEAD] = 0;
    control[C.RECOVERED] = 0;
    control.fill(0, C.SLOT_TABLE, C.SLOT_TABLE + C.SLOT_COUNT);
    control.fill(-1, C.WORKER_OF, C.WORKER_OF + 8);
    const agents = Array.from({ length: 4 }, (_, me) => new Agent(world, me));
    for (const [worker, op] of scenario.preamble) agents[worker]?.run(op);
    for (let thread = scenario.threads.length; thread < 8; thread++) {
      control[C.WORKER_OF + thread] = -1;
    }
    scenario.threads.forEach((ops, thread) => {
      control[C.OPS_COUNT + thread] = ops.length;
      control.set(ops.flat(), C.OPS + thread * C.MAX_OPS * C.OP_INTS);
    });
  }

  /** Runs one schedule and checks what it left. */
  run(schedule: Schedule): void {
    const { control } = this;
    const { switches, victim = NOBODY, secondVictim = NOBODY } = schedule;
    this.bytes.set(this.snapshot);
    control.fill(0, C.STEP, C.FAILED + 1);
    control.set(victim, C.VICTIM);
    control.set(secondVictim, C.SECOND_VICTIM);
    control[C.DEAD] = 0;
    control[C.WAITING] = 0;
    control.fill(0, C.CLOCKS, C.OWN_AT_DEATH + 8);
    control[C.STEP_LIMIT] = C.MAX_STEPS - 16;
    control[C.SWITCH_COUNT] = switches.length >> 1;
    control[C.LOG_COUNT] = 0;
    control[C.TOLD] = 0;
    control.set(this.workersOf, C.WORKER_OF);
    control.fill(0, C.OWN_STEPS, C.OWN_STEPS + 8);
    control.fill(0, C.IN_HAND, C.IN_HAND + 8 * C.MAX_IN_HAND);
    control[C.RECOVERED] = 0;
    control[C.HASH] = 0;
    control[C.CLASS] = 0;
    control.set(this.table, C.SLOT_TABLE);
    control[C.FIRST_PTR] = this.table[0] as number;
    for (let index = 0; index < switches.length; index++) {
      control[C.SWITCHES + index] = switches[index] as number;
    }
    if (!this.runThreads()) return;
    if (this.wantsImage) this.image = hashOf(this.bytes);
    if (control[C.FAILED] > 0) fail(readText(control));
    this.settling.check(schedule.freeLive === true);
  }
}

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (const word of words) hash = Math.imul(hash ^ (hash >>> 15) ^ word, 0x2c1b3c6d) + 1;
  return hash | 0;
}

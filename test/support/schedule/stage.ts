import { formatShared } from "../../../src/heap/attach.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { Agent, World } from "./agent.js";
import * as C from "./control.js";
import { Image } from "./image.js";
import { fail } from "./notes.js";
import type { Scenario } from "./scenarios.js";
import { Settling } from "./settling.js";
import { addressOf, waitAsync } from "./turns.js";
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
  private readonly before: Image;
  /** The parts of the control buffer that the preamble has changed. */
  private readonly parts: { at: number; words: Int32Array }[];
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
    const kinds = scenario.threads.flat().map(([kind]) => kind);
    control[C.UNORDERED] = kinds.some((kind) => C.UNORDERED_KINDS.has(kind)) ? 1 : 0;
    control[C.ASKS] = kinds.filter((kind) => C.ASKING.has(kind)).length;
    this.world = new World(buffer, control, false);
    this.settling = new Settling(control, this.world);
    new Int32Array(buffer, 0, control[C.SLABS] << 14).fill(0);
    this.prepare();
    this.showLives();
    this.runThreads = open();
    this.before = new Image(this.world.handle(0).views);
    const lists: [number, number][] = Array.from({ length: C.LIST_COUNT }, (_, list) => {
      const at = C.LISTS + list * C.LIST_INTS;
      return [at, 2 + control[at + 1]];
    });
    const saved: [number, number][] = [
      [C.SLOT_TABLE, C.SLOT_COUNT],
      [C.WORKER_OF, 8],
      [C.ATTACHMENTS, 8],
      [C.FORGOTTEN, 1 + 2 * control[C.FORGOTTEN]],
      [C.ASYNC_WAITS, 2 * C.ASYNC_WORDS * 8],
      ...lists,
    ];
    this.parts = saved.map(([at, length]) => ({ at, words: control.slice(at, at + length) }));
  }

  private prepare(): void {
    const { control, scenario, world } = this;
    formatShared(this.buffer, world.options, world.workers);
    control[C.DEAD] = 0;
    control[C.FORGOTTEN] = 0;
    control.fill(0, C.SLOT_TABLE, C.SLOT_TABLE + C.SLOT_COUNT);
    control.fill(0, C.ATTACHMENTS, C.ATTACHMENTS + 8);
    for (let list = 0; list < C.LIST_COUNT; list++) {
      control.fill(0, C.LISTS + list * C.LIST_INTS, C.LISTS + list * C.LIST_INTS + 2);
    }
    world.notes.begin();
    control.fill(-1, C.WORKER_OF, C.WORKER_OF + 8);
    const agents = Array.from({ length: 8 }, (_, me) => new Agent(world, me));
    const { now } = Date;
    // Runs are compared byte by byte, and the image has times in it.
    let time = 0;
    Date.now = () => ++time;
    for (const [worker, op] of scenario.preamble) agents[worker]?.run(op);
    Date.now = now;
    for (let thread = scenario.threads.length; thread < 8; thread++) {
      control[C.WORKER_OF + thread] = -1;
    }
    scenario.threads.forEach((ops, thread) => {
      control[C.OPS_COUNT + thread] = ops.length;
      control.set(ops.flat(), C.OPS + thread * C.MAX_OPS * C.OP_INTS);
    });
  }

  /** Makes the waits by which others see that a thread lives. */
  private showLives(): void {
    const { control, world } = this;
    control.fill(0, C.ASYNC_WAITS, C.ASYNC_WAITS + 2 * C.ASYNC_WORDS * 8);
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      const worker = control[C.WORKER_OF + thread] as number;
      if (worker < 0) continue;
      const { slots } = world;
      const state = slots[workerSlot.at(worker) + workerSlot.STATE] as number;
      const waits = (slots[workerSlot.at(worker) + workerSlot.ARMED] as number) & 0xff;
      const address = addressOf(slots, workerSlot.lifeAt(worker, state), control);
      waitAsync(control, thread, address, waits);
    }
  }

  /** Runs one schedule and checks what it left. */
  run(schedule: Schedule): void {
    const { control } = this;
    const { switches, victim = NOBODY, secondVictim = NOBODY } = schedule;
    this.before.restore();
    for (const { at, words } of this.parts) control.set(words, at);
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
    control.fill(0, C.OWN_STEPS, C.OWN_STEPS + 8);
    control.fill(0, C.IN_HAND, C.IN_HAND + 8 * C.MAX_IN_HAND);
    control[C.HASH] = 0;
    control[C.CLASS] = 0;
    control[C.FIRST_PTR] = control[C.SLOT_TABLE] as number;
    this.world.notes.begin();
    for (let index = 0; index < switches.length; index++) {
      control[C.SWITCHES + index] = switches[index] as number;
    }
    if (!this.runThreads()) return;
    if (this.wantsImage) this.image = hashOf(this.before.metadata);
    if (control[C.FAILED] > 0) fail(readText(control));
    this.settling.check(schedule.freeLive === true);
  }
}

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (const word of words) hash = Math.imul(hash ^ (hash >>> 15) ^ word, 0x2c1b3c6d) + 1;
  return hash | 0;
}

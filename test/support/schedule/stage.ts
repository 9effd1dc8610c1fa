import { ownerOf } from "../../../src/central/states.js";
import { formatShared } from "../../../src/heap/attach.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import { readSharedStats } from "../../../src/inspect/sharedStats.js";
import { verifyShared } from "../../../src/inspect/sharedVerify.js";
import { LIVE } from "../../../src/layout/header.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { Agent, sharedDrain, World } from "./agent.js";
import * as C from "./control.js";
import type { Scenario } from "./scenarios.js";
import { readText } from "./watch.js";

/** A run is a function of a scenario and of these. */
export interface Schedule {
  /** Pairs: a step, and the thread that has the turn from there on. */
  readonly switches: readonly number[];
  /** The thread that dies before one of its steps. */
  readonly victim?: readonly [thread: number, step: number];
  readonly freeLive?: boolean;
}

/** Whether views are watched: not; plain writes are steps; plain accesses are logged. */
export type Watch = 0 | 1 | 2;

function fail(message: string): never {
  throw new Error(message);
}

/** A heap in which a scenario is run again and again. */
export class Stage {
  readonly control: Int32Array;
  readonly scenario: Scenario;
  private readonly buffer: SharedArrayBuffer;
  private readonly world: World;
  private readonly runThreads: () => boolean;
  private readonly bytes: Int32Array;
  private readonly snapshot: Int32Array;
  private readonly table: Int32Array;
  private readonly workersOf: Int32Array;
  private runs = 0;

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
    control[C.CONFIG]++;
    control[C.SLABS] = scenario.slabs;
    control[C.FAST_CAP] = scenario.fastCap ?? 1;
    control[C.MAX_WORKERS] = scenario.workers ?? 4;
    control[C.PATIENT] = scenario.isPatient === true ? 1 : 0;
    control[C.INTERVAL] = scenario.interval ?? 1;
    control[C.WATCH] = watch;
    control[C.THREADS] = scenario.threads.length;
    this.world = new World(buffer, control, false);
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
    const { switches, victim = [-1, 0] } = schedule;
    this.bytes.set(this.snapshot);
    control.fill(0, C.STEP, C.FAILED + 1);
    control[C.VICTIM] = victim[0];
    control[C.VICTIM_STEP] = victim[1];
    control[C.DEAD] = 0;
    control[C.STEP_LIMIT] = C.MAX_STEPS - 16;
    control[C.SWITCH_COUNT] = switches.length >> 1;
    control[C.LOG_COUNT] = 0;
    control.set(this.workersOf, C.WORKER_OF);
    control.fill(0, C.OWN_STEPS, C.OWN_STEPS + 8);
    control.fill(0, C.IN_HAND, C.IN_HAND + 8 * C.MAX_IN_HAND);
    control[C.RECOVERED] = 0;
    control[C.HASH] = 0;
    control[C.CLASS] = 0;
    control.set(this.table, C.SLOT_TABLE);
    for (let index = 0; index < switches.length; index++) {
      control[C.SWITCHES + index] = switches[index] as number;
    }
    if (!this.runThreads()) return;
    if (control[C.FAILED] > 0) fail(readText(control));
    this.check(schedule.freeLive === true);
  }

  private survivors(): number[] {
    const { control } = this;
    const workers: number[] = [];
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      const worker = control[C.WORKER_OF + thread];
      if (worker >= 0 && ((control[C.DEAD] >>> thread) & 1) === 0) workers.push(worker);
    }
    return workers;
  }

  private check(freeLive: boolean): void {
    const { control, world } = this;
    const workers = this.survivors();
    if (workers.length === 0) {
      // Somebody has to look after what is left.
      const agent = new Agent(world, 7);
      agent.run(C.attach);
      workers.push(control[C.WORKER_OF + 7]);
    }
    const rescuer = workers[workers.length - 1] as number;
    const { views } = world.handle(rescuer);
    const recovered = new Set<number>();
    for (let round = 0; round < 2; round++) {
      for (let worker = 0; worker < world.workers; worker++) {
        if (workers.includes(worker) || !world.isActive(worker)) continue;
        for (const ptr of recoverWorker(views, worker, freeLive).live) {
          if (recovered.has(ptr)) fail(`ptr ${ptr} was recovered twice`);
          recovered.add(ptr);
        }
      }
    }
    verifyShared(views);
    const live = this.checkLive(views, recovered, freeLive);
    this.finish(workers, live);
  }

  /** The live blocks are those in the slots, and what a dead worker had in hand. */
  private checkLive(views: SharedViews, recovered: Set<number>, freeLive: boolean): number[] {
    const { control } = this;
    const live = liveBlocks(views);
    const isLive = new Set(live);
    const held = new Set<number>();
    for (let slot = 0; slot < C.SLOT_COUNT; slot++) {
      const ptr = control[C.SLOT_TABLE + slot];
      if (ptr === 0) continue;
      if (held.has(ptr)) fail(`ptr ${ptr} is held twice`);
      held.add(ptr);
      const isFreed = freeLive && recovered.has(ptr);
      if (isLive.has(ptr) === isFreed) fail(`ptr ${ptr} of slot ${slot}: freed is ${isFreed}`);
    }
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      if (((control[C.DEAD] >>> thread) & 1) === 0) continue;
      const first = C.IN_HAND + thread * C.MAX_IN_HAND;
      for (const ptr of control.subarray(first, first + C.MAX_IN_HAND)) held.add(ptr);
    }
    const listed = C.RECOVERED + 1;
    for (const ptr of control.subarray(listed, listed + control[C.RECOVERED])) held.add(ptr);
    for (const ptr of live) {
      if (!held.has(ptr) && !recovered.has(ptr)) fail(`ptr ${ptr} is live and nobody holds it`);
    }
    if (!freeLive) {
      for (const ptr of recovered) if (!isLive.has(ptr)) fail(`ptr ${ptr} is listed, not live`);
    }
    if (this.runs++ % 64 === 0) {
      const { blocks } = readSharedStats(views, this.world.options).live;
      if (blocks !== live.length) fail(`stats say ${blocks} live blocks of ${live.length}`);
    }
    return live;
  }

  /** After all is freed and drained by every worker, every slab is pooled. */
  private finish(workers: readonly number[], live: readonly number[]): void {
    const { world } = this;
    live.forEach((ptr, index) => {
      const worker = workers[index % workers.length] as number;
      world.handle(worker).door.free(ptr as never);
    });
    for (let round = 0; round < 2; round++) {
      for (const worker of workers) sharedDrain(world.handle(worker).views);
    }
    const { views } = world.handle(workers[0] as number);
    const { layout, words } = views;
    for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
      const state = words[layout.states + slab];
      if (state === 0) continue;
      fail(`slab ${slab} of worker ${ownerOf(state) - 1} is not pooled when all is freed`);
    }
    if (this.runs % 16 === 0) verifyShared(views);
  }
}

/** Ptrs of all live blocks, by their headers. */
function liveBlocks(views: SharedViews): number[] {
  const { headers, layout } = views;
  const live: number[] = [];
  for (let granule = layout.firstSlab << 12; granule < layout.slabs << 12; granule++) {
    if (headers[granule] >= LIVE) live.push(granule << 4);
  }
  return live;
}

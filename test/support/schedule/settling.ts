import { ownerOf } from "../../../src/central/states.js";
import { drainCaches } from "../../../src/front/sll.js";
import { probeLife } from "../../../src/heap/liveness.js";
import { recoverAll } from "../../../src/heap/recover.js";
import { readSharedStats } from "../../../src/inspect/sharedStats.js";
import { verifyShared } from "../../../src/inspect/sharedVerify.js";
import { GRANULE_SHIFT } from "../../../src/layout/header.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { generationOf, isWorkers, SLOT_ACTIVE } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { Agent } from "./agent.js";
import { allListed } from "./calls.js";
import * as C from "./control.js";
import { fail, liveBlocks } from "./notes.js";
import type { Handle, World } from "./world.js";

/** How many waits a worker has that is attached. */
const WAITS = 16;

/** Checks what a run has left: recovers the dead, compares, and frees all. */
export class Settling {
  private readonly control: Int32Array;
  private readonly world: World;
  /** By granule: twice the stamp if a block is live, and 1 more if somebody holds it. */
  private readonly held: Int32Array;
  private stamp = 0;
  private runs = 0;

  constructor(control: Int32Array, world: World) {
    this.control = control;
    this.world = world;
    this.held = new Int32Array(world.options.capacity >>> GRANULE_SHIFT);
  }

  /** Recovers one of the dead in the name of another one, when they have all slots. */
  private makeRoom(): void {
    const { world } = this;
    const { views } = world.handle(0);
    for (let worker = 0; worker < world.workers; worker++) {
      const stateAt = workerSlot.at(worker) + workerSlot.STATE;
      const state = views.words[stateAt] as number;
      // As in a restored heap, their recoveries begin anew.
      if (isWorkers(state)) views.words[stateAt] = generationOf(state) | SLOT_ACTIVE;
    }
    this.recover(views, world.workers - 1, false);
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

  check(freeLive: boolean): void {
    const { control, world } = this;
    const workers = this.survivors();
    if (workers.length === 0) {
      // Somebody has to look after what is left.
      const agent = new Agent(world, 7);
      agent.run(C.attach);
      if (agent.handle === undefined) this.makeRoom();
      agent.run(C.attach);
      workers.push(control[C.WORKER_OF + 7]);
    }
    const rescuer = workers[workers.length - 1] as number;
    const { views } = world.handle(rescuer);
    for (let round = 0; round < 2; round++) {
      for (let worker = 0; worker < world.workers; worker++) {
        if (workers.includes(worker) || !world.isActive(worker)) continue;
        this.checkDead(views, worker);
        this.recover(views, worker, freeLive);
      }
    }
    verifyShared(views);
    const live = this.checkLive(views);
    this.finish(workers, live);
  }

  /** Whatever happened, a dead worker is found dead, unless too many have asked. */
  private checkDead(views: SharedViews, worker: number): void {
    const slotAt = workerSlot.at(worker);
    const state = views.words[slotAt + workerSlot.STATE] as number;
    const waits = (views.words[slotAt + workerSlot.ARMED] as number) & 0xff;
    const life = probeLife(views, worker, state, true);
    if (life === "dead" || (waits === 0 && this.control[C.ASKS] >= WAITS)) return;
    fail(`worker ${worker} is dead, and said to be ${life}: ${waits} waits`);
  }

  private recover(views: SharedViews, worker: number, freeLive: boolean): void {
    const state = views.words[workerSlot.at(worker) + workerSlot.STATE] as number;
    for (const ptr of allListed(recoverAll(views, worker, freeLive, state))) {
      this.world.notes.listed(ptr, freeLive, true);
    }
  }

  /** The live blocks are those that somebody holds, and those that a recovery has listed. */
  private checkLive(views: SharedViews): number[] {
    const { control, held } = this;
    const { notes } = this.world;
    const live = liveBlocks(this.world.headers, this.world.firstSlab);
    this.stamp++;
    for (const ptr of live) held[ptr >>> GRANULE_SHIFT] = 2 * this.stamp;
    for (let slot = 0; slot < C.SLOT_COUNT; slot++) {
      const ptr = control[C.SLOT_TABLE + slot] as number;
      if (ptr !== 0) this.checkHeld(ptr, `slot ${slot}`);
    }
    for (let list = 0; list < C.LIST_COUNT; list++) {
      for (const ptr of notes.list(list)) this.checkHeld(ptr, `list ${list}`);
    }
    for (const { ptr, holder } of notes.forgotten()) this.checkForgotten(ptr, holder);
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      if (((control[C.DEAD] >>> thread) & 1) === 0) continue;
      const first = C.IN_HAND + thread * C.MAX_IN_HAND;
      for (const ptr of control.subarray(first, first + C.MAX_IN_HAND)) {
        // What the dead had allocated is listed; what it had taken may be another worker's.
        if (ptr > 0 && this.isLive(ptr)) held[ptr >>> GRANULE_SHIFT] = 2 * this.stamp + 1;
      }
    }
    this.checkListed();
    for (const ptr of live) {
      if (held[ptr >>> GRANULE_SHIFT] === 2 * this.stamp) {
        fail(`ptr ${ptr} is live and nobody holds it`);
      }
    }
    if (this.runs++ % 64 === 0) {
      const { blocks } = readSharedStats(views, this.world.options).live;
      if (blocks !== live.length) fail(`stats say ${blocks} live blocks of ${live.length}`);
    }
    return live;
  }

  private isLive(ptr: number): boolean {
    return (this.held[ptr >>> GRANULE_SHIFT] as number) >>> 1 === this.stamp;
  }

  private checkHeld(ptr: number, where: string): void {
    const { held, stamp } = this;
    const { notes } = this.world;
    const granule = ptr >>> GRANULE_SHIFT;
    if (held[granule] === 2 * stamp + 1) fail(`ptr ${ptr} is held twice`);
    const isFreed = notes.isFreed(ptr);
    // A thread that died freed it, and had not taken it before.
    if (!this.isLive(ptr) && notes.isInDeadHand(ptr)) return;
    if (this.isLive(ptr) === isFreed) fail(`ptr ${ptr} of ${where}: freed is ${isFreed}`);
    if (isFreed) return;
    notes.check(ptr);
    held[granule] = 2 * stamp + 1;
  }

  /** A block that was forgotten is live while its holder lives, and else a recovery lists it. */
  private checkForgotten(ptr: number, holder: number): void {
    const { control } = this;
    const { notes } = this.world;
    const thread = (holder & 0xf) - 1;
    const isDead = thread >= control[C.THREADS] || ((control[C.DEAD] >>> thread) & 1) === 1;
    const hasLeft = holder !== notes.holderOf(thread);
    const wasListed = notes.wasListed(ptr);
    if (isDead && !hasLeft) {
      const isThere = this.isLive(ptr) && notes.isIntact(ptr) && notes.check(ptr).holder === holder;
      // A recovery that freed it may have died itself.
      const mayBeFreed = control.subarray(C.RECOVERING, C.RECOVERING + 8).includes(2);
      if (wasListed || (!isThere && mayBeFreed)) return;
      fail(`ptr ${ptr} was forgotten by the dead, and is not listed`);
    } else if (!wasListed || (hasLeft && notes.isListed(ptr))) {
      this.checkHeld(ptr, "the forgotten");
    } else if (!hasLeft) {
      fail(`ptr ${ptr} is listed, and thread ${thread} holds it`);
    }
  }

  /** What recoveries have listed, and nobody has taken since, is live unless they freed it. */
  private checkListed(): void {
    const { control, held, stamp } = this;
    const { notes } = this.world;
    const first = C.RECOVERED + 1;
    for (const ptr of control.subarray(first, first + control[C.RECOVERED])) {
      const isListed = notes.isListed(ptr);
      if (isListed && this.isLive(ptr)) held[ptr >>> GRANULE_SHIFT] = 2 * stamp + 1;
      else if (isListed && !notes.isExcused(ptr)) fail(`ptr ${ptr} is listed, not live`);
      else if (notes.isFreed(ptr) && this.isLive(ptr) && !notes.isExcused(ptr)) {
        fail(`ptr ${ptr} was freed by a recovery, and is live`);
      }
    }
  }

  /** A drain says that a block was freed twice only if one was. */
  private drain({ heap, views }: Handle): void {
    if (this.control[C.UNORDERED] === 0) heap.drain();
    else drainCaches(views);
  }

  /** After all is freed and drained by every worker, every slab is pooled. */
  private finish(workers: readonly number[], live: readonly number[]): void {
    const { world } = this;
    live.forEach((ptr, index) => {
      const worker = workers[index % workers.length] as number;
      world.handle(worker).heap.free(ptr as never);
    });
    for (let round = 0; round < 2; round++) {
      for (const worker of workers) this.drain(world.handle(worker));
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

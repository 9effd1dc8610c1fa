import { ownerOf } from "../../../src/central/states.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import { readSharedStats } from "../../../src/inspect/sharedStats.js";
import { verifyShared } from "../../../src/inspect/sharedVerify.js";
import { LIVE } from "../../../src/layout/header.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { Agent, sharedDrain, type World } from "./agent.js";
import * as C from "./control.js";

export function fail(message: string): never {
  throw new Error(message);
}

/** Checks what a run has left: recovers the dead, compares, and frees all. */
export class Settling {
  private readonly control: Int32Array;
  private readonly world: World;
  private runs = 0;

  constructor(control: Int32Array, world: World) {
    this.control = control;
    this.world = world;
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
      workers.push(control[C.WORKER_OF + 7]);
    }
    const rescuer = workers[workers.length - 1] as number;
    const { views } = world.handle(rescuer);
    const recovered = new Set<number>();
    for (let round = 0; round < 2; round++) {
      for (let worker = 0; worker < world.workers; worker++) {
        if (workers.includes(worker) || !world.isActive(worker)) continue;
        const what = recoverWorker(views, worker, freeLive);
        for (const ptr of [what, ...what.others].flatMap(({ live }) => live)) {
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

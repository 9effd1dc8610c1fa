import type { HeapError, Ptr, Recovered } from "../../dist/index.js";
import type { Scene } from "./check.js";
import type { Figures } from "./figures.js";
import type { Told } from "./orders.js";
import { deadFlag, entryOf, HOLDER, LEAVING, toHolder } from "./plan.js";

/** The holder of a block that a recovery has listed, and that the main thread frees. */
const LISTED = toHolder(0, LEAVING);

/** Returns what a recovery told, of the worker itself and of those that it was recovering. */
export function toList(what: Recovered): Told[] {
  return [what, ...what.others];
}

/** The recoveries of the main thread, and the blocks that any recovery has listed. */
export class Recoveries {
  private readonly scene: Scene;
  private readonly figures: Figures;
  private readonly next: () => number;
  private readonly listed: number[] = [];

  constructor(scene: Scene, figures: Figures, next: () => number) {
    this.scene = scene;
    this.figures = figures;
    this.next = next;
  }

  /** Recovers a worker that is dead, whether or not the engine can tell. */
  recover(workerId: number, freeLive: boolean): Told[] {
    const { heap } = this.scene;
    try {
      return toList(heap.recover(workerId, { freeLive }));
    } catch (error) {
      const { code, message, details } = error as HeapError;
      if (code !== "ERR_WORKER_ALIVE" || details.life === undefined) throw error;
      if (details.life === "alive") throw new Error(`a killed thread: ${message}`);
      this.figures.untold++;
      return toList(heap.recover(workerId, { freeLive, exited: true }));
    }
  }

  /** Recovers all dead workers, as `guard` does when a thread has exited. */
  guardAll(): void {
    const exited = { once: (_: "exit", listener: () => void): void => listener() };
    const onRecover = (what: Recovered): void => this.add([what], true);
    const end = this.scene.heap.guard(exited, { freeLive: true, onRecover });
    // Workers that die later must not be recovered yet: the ledger says that they live.
    end();
  }

  /** Counts what recoveries told. The blocks that they did not free are freed later. */
  add(told: readonly Told[], freeLive: boolean): void {
    for (const { live, reclaimedBlocks, reclaimedSlabs, workerId } of told) {
      this.figures.recovered += live.length;
      this.figures.reclaimedBlocks += reclaimedBlocks;
      this.figures.reclaimedSlabs += reclaimedSlabs;
      if (!freeLive) for (const ptr of live) this.list(ptr, workerId);
    }
  }

  private list(ptr: number, workerId: number): void {
    const { control, ledger, seats } = this.scene;
    const before = Atomics.exchange(ledger, entryOf(ptr) + HOLDER, LISTED);
    if (before === LISTED) throw new Error(`two recoveries listed block ${ptr}`);
    const isOver = before === 0 || (before & 3) === LEAVING;
    if (!isOver && Atomics.load(control, deadFlag(seats, before >> 2)) === 0) {
      throw new Error(`block ${ptr} is listed for worker ${workerId}, but ${before} has it`);
    }
    this.listed.push(ptr);
  }

  /** Frees the blocks that were listed, some of them after they were handed over to this worker. */
  freeListed(): void {
    const { heap, ledger } = this.scene;
    for (const ptr of this.listed.splice(0)) {
      const entry = entryOf(ptr) + HOLDER;
      const found = Atomics.compareExchange(ledger, entry, LISTED, 0);
      if (found !== LISTED) throw new Error(`block ${ptr} was listed, and then ${found} had it`);
      if (this.next() < 0.25) heap.handOver(ptr as Ptr, heap.workerId);
      heap.free(ptr as Ptr);
    }
  }
}

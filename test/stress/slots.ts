import type { SharedHeap } from "../../dist/index.js";
import { metadataOffset } from "../../src/layout/metadata.js";
import {
  generationOf,
  isWorkers,
  MAX_WORKERS,
  SLOT_RECOVERING,
} from "../../src/layout/slotState.js";
import * as workerSlot from "../../src/layout/workerSlot.js";

/** Attachments of dead workers, which have not been recovered yet. */
export class Attachments {
  private readonly words: Int32Array;
  private readonly generations = new Map<number, number>();

  constructor({ buffer, maxWorkers, options }: SharedHeap) {
    const offset = metadataOffset(options.capacity);
    this.words = new Int32Array(buffer, offset, workerSlot.at(maxWorkers));
  }

  private stateOf(workerId: number): number {
    return Atomics.load(this.words, workerSlot.at(workerId) + workerSlot.STATE);
  }

  /** Adds the attachment of a worker that has just died. */
  add(workerId: number): void {
    this.generations.set(workerId, generationOf(this.stateOf(workerId)));
  }

  /** Removes and returns those whose recovery is complete: their slots are free, or others'. */
  takeRecovered(): number[] {
    const taken: number[] = [];
    for (const [workerId, generation] of this.generations) {
      const state = this.stateOf(workerId);
      if (isWorkers(state) && generationOf(state) === generation) continue;
      this.generations.delete(workerId);
      taken.push(workerId);
    }
    return taken;
  }

  /** Returns a dead worker, and those that it was recovering, and those that they were. */
  under(workerId: number): number[] {
    const found = [workerId];
    for (const by of found) {
      for (const other of this.left) {
        const state = this.stateOf(other);
        const isBy = (state & SLOT_RECOVERING) !== 0 && (state & (MAX_WORKERS - 1)) === by;
        if (isBy && !found.includes(other)) found.push(other);
      }
    }
    return found;
  }

  get left(): number[] {
    return [...this.generations.keys()];
  }
}

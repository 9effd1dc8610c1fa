import { magazineCap } from "../../src/front/format.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../src/layout/sizeClasses.js";

const SLAB_BYTES = 65_536;
const FAST_CAP = 254;
const DRAIN_INTERVAL = 1024;
const REGION_BYTES = 256 * 1024;

/** What a worker of a workload holds at the most: its live bytes, and its largest block. */
export interface Held {
  readonly maxBytes: number;
  readonly liveBytes: number;
}

export const HELD: Readonly<Record<string, Held>> = {
  larson: { maxBytes: 1000, liveBytes: 1000 * 1000 },
  mstress: { maxBytes: 51_200, liveBytes: 2_000_000 },
  rptest: { maxBytes: 16_000, liveBytes: 2000 * 6000 },
  "cache-scratch": { maxBytes: 8, liveBytes: 2048 },
  "cache-thrash": { maxBytes: 8, liveBytes: 2048 },
};

/**
 * The bytes that a workload may commit: for each worker its region, twice what it holds live (slabs
 * are emptied unevenly), for each class a slab and two magazines, and SLL and outbox: as many
 * blocks as the drain interval, the largest blocks at the worst.
 */
export function boundOf(held: Held, workers: number): number {
  let classes = 0;
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const blockBytes = BLOCK_BYTES[classIndex] as number;
    classes += SLAB_BYTES + 2 * blockBytes * magazineCap(classIndex, FAST_CAP);
    if (blockBytes >= held.maxBytes) break;
  }
  const cached = 2 * DRAIN_INTERVAL * held.maxBytes;
  return (workers + 1) * (REGION_BYTES + classes + cached + 2 * held.liveBytes);
}

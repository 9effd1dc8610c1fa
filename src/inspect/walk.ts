import type { Ptr } from "../base/types.js";
import { CACHED, FREE, GRANULE_SHIFT, headerState, LIVE } from "../layout/header.js";
import { BLOCK_BYTES, classTier, SPAN_CLASS, type Tier } from "../layout/sizeClasses.js";
import { IN_ARENA } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import { blocksPerSlab, slabToPtr } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";

/** Handed out; in the front cache or on the SLL; free in its slab. */
export type BlockState = "live" | "cached" | "free";

/** One block of a heap walk. `size` is the number of its usable bytes. */
export interface BlockInfo {
  readonly ptr: Ptr;
  readonly size: number;
  readonly tier: Tier;
  readonly state: BlockState;
}

const STATES: Readonly<Record<number, BlockState>> = {
  [LIVE]: "live",
  [CACHED]: "cached",
  [FREE]: "free",
};

/** Walks all blocks in address order. */
export function* walkBlocks(views: HeapViews): Generator<BlockInfo, void, undefined> {
  const { headers, records } = views;
  for (const { slab, kind } of views.slabSource.runs(views)) {
    if (kind === IN_ARENA) continue;
    const isSpan = kind === SPAN_CLASS;
    const slabAt = slabRecord.at(slab);
    const size = isSpan ? records[slabAt + slabRecord.SPAN_BYTES] : BLOCK_BYTES[kind];
    const carved = Math.min(records[slabAt + slabRecord.CARVED], blocksPerSlab(kind));
    const count = isSpan ? 1 : carved;
    const tier = classTier(kind);
    for (let block = 0; block < count; block++) {
      const ptr = (slabToPtr(slab) + block * size) as Ptr;
      const state = STATES[headerState(headers[ptr >>> GRANULE_SHIFT])];
      if (state !== undefined) yield { ptr, size, tier, state };
    }
  }
}

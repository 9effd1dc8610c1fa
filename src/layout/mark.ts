import { staticAssert } from "../base/assert.js";
import type { WorkerIndex } from "../base/types.js";
import { FREE } from "./header.js";
import { MAX_WORKERS } from "./slotState.js";

/*
 * A mark says who holds a live block that was handed over: 0 nobody else, 1 to 64 a worker,
 * MARK_NOBODY a holder that is not known. It stands in the header map where the block's second
 * granule is, so a shared heap has no blocks of one granule.
 */
export const MARK_NOBODY = 0x80;

/** Returns the mark of a worker: 1 to 0x40, which no header in the place of a mark could be. */
export function workerMark(worker: WorkerIndex): number {
  return worker + 1;
}

staticAssert(MAX_WORKERS < FREE + 1 && FREE < MARK_NOBODY, "a worker fits its byte");

import * as classRecord from "../layout/classRecord.js";
import { NOT_MINE, type SharedViews } from "../layout/sharedViews.js";
import type { HeapViews, SlabSource } from "../layout/views.js";
import { retireKept, returnToBits, takeFreeBits } from "./freeBits.js";
import { adopt, collect, freeRemotely, sendOutbox } from "./remote.js";
import {
  claimRun,
  claimTails,
  publishSpan,
  releaseRun,
  reserveSpan,
  walkStates,
} from "./states.js";

/** Returns the views as a worker's: no others have this slab source. */
function asShared(views: HeapViews): SharedViews {
  return views as SharedViews;
}

/** The slab source of a heap that workers share. */
export const sharedSlabs: SlabSource = {
  take(views, slabs, kind) {
    const slab = claimRun(asShared(views), slabs, kind);
    asShared(views).cursor[1] = slab === 0 ? 1 : 0;
    return slab;
  },
  give: (views, slab, slabs) => releaseRun(asShared(views), slab, slabs),
  reserve: (views, slab) => reserveSpan(asShared(views), slab),
  publish: (views, slab) => publishSpan(asShared(views), slab),
  extend: (views, slab, before, after) => claimTails(asShared(views), slab + before, slab + after),
  takeBlocks: (views, slab, classIndex, wanted) =>
    takeFreeBits(asShared(views), slab, classIndex, wanted),
  returnBlock: (views, classIndex, ptr) => returnToBits(asShared(views), classIndex, ptr),
  isOwn: (views, slab) => asShared(views).mine[slab] !== NOT_MINE,
  reclaim(views, classIndex) {
    const partialAt = classRecord.at(classIndex) + classRecord.PARTIAL_HEAD;
    collect(asShared(views));
    if (views.meta[partialAt] === 0) adopt(asShared(views), classIndex);
    return views.meta[partialAt];
  },
  settle(views) {
    sendOutbox(asShared(views));
    collect(asShared(views));
    // When memory has run out the notes are not trusted: the worker that took them may be stalled,
    // or dead.
    adopt(asShared(views), 0, asShared(views).cursor[1] !== 0);
    retireKept(asShared(views));
  },
  freeForeign: (views, ptr, liveHeader) => freeRemotely(asShared(views), ptr, liveHeader),
  runs: (views) => walkStates(asShared(views)),
};

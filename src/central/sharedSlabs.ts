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
function own(views: HeapViews): SharedViews {
  return views as SharedViews;
}

/** The slab source of a heap that workers share. */
export const sharedSlabs: SlabSource = {
  take(views, slabs, kind) {
    const slab = claimRun(own(views), slabs, kind);
    own(views).cursor[1] = slab === 0 ? 1 : 0;
    return slab;
  },
  give: (views, slab, slabs) => releaseRun(own(views), slab, slabs),
  reserve: (views, slab) => reserveSpan(own(views), slab),
  publish: (views, slab) => publishSpan(own(views), slab),
  extend: (views, slab, before, after) => claimTails(own(views), slab + before, slab + after),
  takeBlocks: (views, slab, classIndex, wanted) =>
    takeFreeBits(own(views), slab, classIndex, wanted),
  returnBlock: (views, classIndex, ptr) => returnToBits(own(views), classIndex, ptr),
  isOwn: (views, slab) => own(views).mine[slab] !== NOT_MINE,
  reclaim(views, classIndex) {
    const partialAt = classRecord.at(classIndex) + classRecord.PARTIAL_HEAD;
    collect(own(views));
    if (views.meta[partialAt] === 0) adopt(own(views), classIndex);
    return views.meta[partialAt];
  },
  settle(views) {
    sendOutbox(own(views));
    collect(own(views));
    // When memory has run out the notes are not trusted: the worker that took them may be stalled,
    // or dead.
    adopt(own(views), 0, own(views).cursor[1] !== 0);
    retireKept(own(views));
  },
  freeForeign: (views, ptr, liveHeader) => freeRemotely(own(views), ptr, liveHeader),
  runs: (views) => walkStates(own(views)),
};

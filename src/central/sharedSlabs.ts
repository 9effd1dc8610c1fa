import type { Image, SlabSource } from "../layout/image.js";
import { classRecord, PARTIAL_HEAD } from "../layout/metadata.js";
import { NOT_MINE, type SharedImage } from "../layout/shared.js";
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

/** The image of a worker's heap: only such images have this slab source. */
function own(image: Image): SharedImage {
  return image as SharedImage;
}

/** The slab source of a heap that workers share. */
export const sharedSlabs: SlabSource = {
  take(image, slabs, kind) {
    const slab = claimRun(own(image), slabs, kind);
    own(image).cursor[1] = slab === 0 ? 1 : 0;
    return slab;
  },
  give: (image, slab, slabs) => releaseRun(own(image), slab, slabs),
  reserve: (image, slab) => reserveSpan(own(image), slab),
  publish: (image, slab) => publishSpan(own(image), slab),
  extend: (image, slab, before, after) => claimTails(own(image), slab + before, slab + after),
  takeBlocks: (image, slab, classIndex, wanted) =>
    takeFreeBits(own(image), slab, classIndex, wanted),
  returnBlock: (image, classIndex, ptr) => returnToBits(own(image), classIndex, ptr),
  isOwn: (image, slab) => own(image).mine[slab] !== NOT_MINE,
  reclaim(image, classIndex) {
    const partial = classRecord(classIndex) + PARTIAL_HEAD;
    collect(own(image));
    if (image.meta[partial] === 0) adopt(own(image), classIndex);
    return image.meta[partial];
  },
  settle(image) {
    sendOutbox(own(image));
    collect(own(image));
    // For want of memory the notes are not trusted: who took them may be stalled, or dead.
    adopt(own(image), 0, own(image).cursor[1] !== 0);
    retireKept(own(image));
  },
  freeForeign: (image, ptr, live) => freeRemotely(own(image), ptr, live),
  runs: (image) => walkStates(own(image)),
};

import type { Ptr } from "../base/types.js";
import { outboxLimit } from "../layout/sharedViews.js";
import type { HeapViews } from "../layout/views.js";
import { bindFree, bindMalloc, bindOwnFree, bindOwnMalloc } from "./hot.js";
import { bindRealloc } from "./realloc.js";
import { mallocSlow } from "./slow.js";

/*
 *   malloc                       free                            realloc
 *    |- a cached block: done      |- the chain has room: done     |- it fits: done
 *    '- mallocSlow                |- setAside: the chain to SLL   |- cut or grow a span
 *        |- popSll, or            '- freeSlow                     '- malloc, copy, free
 *        |- find a slab:              |- drainSll
 *        |   |- partial               '- giveRun (a span)        tryMalloc
 *        |   |- drainSll, partial                                 '- mallocSlow
 *        |   |- reclaim (from other workers)
 *        |   |- openSlab
 *        |   '- drainCaches, partial, openSlab
 *        |- refillFromSlab
 *        '- takeSpan (a large size), after drainSll; again after drainCaches
 */

/** The operations that a program calls in its loops. */
export interface Door {
  readonly malloc: (size: number) => Ptr;
  readonly tryMalloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
}

/** Opens the door of a heap of one worker. */
export function openDoor(views: HeapViews): Door {
  const { headers, i32, meta } = views;
  const malloc = bindMalloc(views, meta, headers, i32, views.liveHeaders.subarray(1));
  return door(views, malloc, bindFree(views, meta, headers, i32));
}

/** Opens the door of a worker of a shared heap; `mine` says which slabs it owns. */
export function openSharedDoor(views: HeapViews, mine: Uint8Array): Door {
  const { headers, i32, meta } = views;
  const malloc = bindOwnMalloc(views, meta, headers, i32, views.liveHeaders.subarray(1), mine);
  return door(views, malloc, bindOwnFree(views, meta, headers, i32, mine, outboxLimit(views)));
}

function door(views: HeapViews, malloc: Door["malloc"], free: Door["free"]): Door {
  return {
    malloc,
    tryMalloc: (size) => mallocSlow(views, size) as Ptr,
    free,
    realloc: bindRealloc(views, malloc, free),
  };
}

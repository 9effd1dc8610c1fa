import type { Ptr } from "../base/types.js";
import type { Image } from "../layout/image.js";
import { outboxLimit } from "../layout/shared.js";
import { bindFree, bindMalloc, bindOwnFree, bindOwnMalloc } from "./hot.js";
import { bindRealloc } from "./realloc.js";
import { mallocSlow } from "./slow.js";

/*
 *   malloc                       free                            realloc
 *    |- a cached block: done      |- the chain has room: done     |- it fits: done
 *    '- mallocSlow                |- setAside: the chain to SLL   |- cut or grow a span
 *        |- popSll                '- freeSlow                     '- malloc, copy, free
 *        |- refillFromSlab            |- drainSll
 *        '- takeSpan                  '- giveRun (a span)        tryMalloc
 *                                                                 '- mallocSlow
 */

/** The operations that a program calls in its loops. */
export interface Door {
  readonly malloc: (size: number) => Ptr;
  readonly tryMalloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
}

export function openDoor(image: Image): Door {
  const { headers, i32, meta } = image;
  const malloc = bindMalloc(image, meta, headers, i32, image.liveHeaders.subarray(1));
  return door(image, malloc, bindFree(image, meta, headers, i32));
}

/** The door of a worker of a shared heap. */
export function openSharedDoor(image: Image, mine: Uint8Array): Door {
  const { headers, i32, meta } = image;
  const malloc = bindOwnMalloc(image, meta, headers, i32, image.liveHeaders.subarray(1), mine);
  return door(image, malloc, bindOwnFree(image, meta, headers, i32, mine, outboxLimit(image)));
}

function door(image: Image, malloc: Door["malloc"], free: Door["free"]): Door {
  return {
    malloc,
    tryMalloc: (size) => mallocSlow(image, size) as Ptr,
    free,
    realloc: bindRealloc(image, malloc, free),
  };
}

import type { Ptr } from "../base/types.js";
import type { Image } from "../layout/image.js";
import { MAGAZINE_MASK } from "../layout/metadata.js";
import { outboxLimit } from "../layout/shared.js";
import { bindFree, bindMalloc, bindOwnFree } from "./hot.js";
import { bindRealloc } from "./realloc.js";
import { mallocSlow } from "./slow.js";

/*
 *   malloc                       free                            realloc
 *    |- a cached block: done      |- the magazine has room: done  |- it fits: done
 *    '- mallocSlow                |- exchange magazines: done     |- cut or grow a span
 *        |- exchange magazines    '- freeSlow                     '- malloc, copy, free
 *        |- popSll                    |- a magazine to the SLL
 *        |- refillFromSlab            |   '- drainSll            tryMalloc
 *        '- takeSpan                  '- giveRun (a span)         '- mallocSlow
 */

/** The operations that a program calls in its loops. */
export interface Door {
  readonly malloc: (size: number) => Ptr;
  readonly tryMalloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
}

export function openDoor(image: Image): Door {
  const mask = image.meta[MAGAZINE_MASK] as number;
  return door(image, bindFree(image, image.meta, image.headers, mask));
}

/** The door of a worker of a shared heap. */
export function openSharedDoor(image: Image, mine: Uint8Array): Door {
  const mask = image.meta[MAGAZINE_MASK] as number;
  return door(image, bindOwnFree(image, image.meta, image.headers, mask, mine, outboxLimit(image)));
}

function door(image: Image, free: Door["free"]): Door {
  const malloc = bindMalloc(image, image.meta, image.headers, image.liveHeaders.subarray(1));
  return {
    malloc,
    tryMalloc: (size) => mallocSlow(image, size) as Ptr,
    free,
    realloc: bindRealloc(image, malloc, free),
  };
}

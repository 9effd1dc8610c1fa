import type { Ptr } from "../base/types.js";
import type { HeapOptions } from "../config/options.js";
import type { Door } from "../front/door.js";
import { liveHeaderOf, usableBytes } from "../front/lookup.js";
import { bindRealloc } from "../front/realloc.js";
import * as cachedBlock from "../layout/cachedBlock.js";
import * as classCounters from "../layout/classCounters.js";
import { GRANULE_BYTES, GRANULE_SHIFT, headerClass } from "../layout/header.js";
import { CLASS_MAX_BYTES, TINY_MAX_BYTES } from "../layout/sizeClasses.js";
import type { HeapViews } from "../layout/views.js";

/**
 * What the option `safeFree` writes over a freed block, after the words that may be links by then.
 */
const POISON = 0xde;
const LINK_BYTES = 4 * (cachedBlock.CHAIN_LINK + 1);

/**
 * Wraps the door for the options that cost something in every operation. Without them a heap has
 * the bare door, so they cost nothing when they are off.
 */
export function instrument(door: Door, views: HeapViews, options: HeapOptions): Door {
  let result = door;
  if (options.safeFree) result = poisonFreed(result, views);
  if (!options.wrapTiny) result = routeTiny(result);
  if (options.frontStats) result = countMallocs(result, views, options);
  return result;
}

/** Gives tiny sizes the first class of the pool tier. */
function routeTiny(door: Door): Door {
  const route = (size: number): number => {
    const isTiny = Number.isInteger(size) && size >= 0 && size <= TINY_MAX_BYTES;
    return isTiny ? TINY_MAX_BYTES + 1 : size;
  };
  return {
    malloc: (size) => door.malloc(route(size)),
    tryMalloc: (size) => door.tryMalloc(route(size)),
    free: door.free,
    realloc: (ptr, size) => door.realloc(ptr, route(size)),
  };
}

function countMallocs(door: Door, views: HeapViews, options: HeapOptions): Door {
  const { counters } = views;
  const count = (ptr: Ptr, size: number): Ptr => {
    const routed = options.wrapTiny ? size : Math.max(size, TINY_MAX_BYTES + 1);
    if (ptr !== 0 && routed <= CLASS_MAX_BYTES) {
      const header = views.liveHeaders[(routed + GRANULE_BYTES - 1) >>> GRANULE_SHIFT];
      const index = classCounters.at(headerClass(header)) + classCounters.FRONT_MALLOCS;
      counters[index] = counters[index] + 1;
    }
    return ptr;
  };
  return {
    malloc: (size) => count(door.malloc(size), size),
    tryMalloc: (size) => count(door.tryMalloc(size), size),
    free: door.free,
    realloc: (ptr, size) => {
      const to = door.realloc(ptr, size);
      return to === ptr ? to : count(to, size);
    },
  };
}

/**
 * Poisons each block before it is freed, also by `realloc`: after that it may be another worker's.
 */
function poisonFreed(door: Door, views: HeapViews): Door {
  const { u8 } = views;
  const { malloc, tryMalloc } = door;
  const free = (ptr: Ptr): void => {
    if (ptr !== 0) {
      const end = ptr + usableBytes(views, ptr, liveHeaderOf(views, ptr));
      u8.fill(POISON, ptr + LINK_BYTES, end);
    }
    door.free(ptr);
  };
  return { malloc, tryMalloc, free, realloc: bindRealloc(views, malloc, free) };
}

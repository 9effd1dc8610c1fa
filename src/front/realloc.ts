import type { Ptr } from "../base/types.js";
import { resizeSpan } from "../central/spans.js";
import { CLASS_MASK, GRANULE_BYTES, GRANULE_SHIFT } from "../layout/header.js";
import { CLASS_MAX_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import type { HeapViews } from "../layout/views.js";
import { liveHeaderOf, usableBytes } from "./lookup.js";
import { invalidSize, largestBlock } from "./misuse.js";
import { mallocSlow } from "./slow.js";

/** Up to this size a loop over words is faster than `copyWithin`, whose call alone costs 17 ns. */
const WORD_COPY_MAX_BYTES = 128;

/**
 * Binds `realloc` to the views of a heap. The block stays where it lies if its class stays or at
 * most half of it is unused, if it is a span that can be cut or grown, or if there is no memory for
 * a smaller one. Otherwise it is copied.
 *
 * It calls the hot `malloc` and `free` of its heap, which V8 inlines here. It is itself too long to
 * be inlined into a program's loop, as the slow paths are. With calls of the slow paths a move took
 * 7 ns more.
 *
 * It copies words of 4 bytes, because a Float64Array would change NaNs on engines that box them,
 * and a BigInt64Array would allocate until it is optimised.
 */
export function bindRealloc(
  views: HeapViews,
  malloc: (size: number) => Ptr,
  free: (ptr: Ptr) => void,
): (ptr: Ptr, size: number) => Ptr {
  const { i32, liveHeaders, u8 } = views;
  function realloc(ptr: Ptr, size: number): Ptr {
    if (ptr === 0) return malloc(size);
    const liveHeader = liveHeaderOf(views, ptr);
    if (typeof size !== "number" || size >>> 0 !== size || size > largestBlock(views))
      throw invalidSize(views, size);
    const isSpan = (liveHeader & CLASS_MASK) === SPAN_CLASS;
    const usable = usableBytes(views, ptr, liveHeader);
    if (isSpan && size > CLASS_MAX_BYTES) {
      if (resizeSpan(views, ptr, (size + GRANULE_BYTES - 1) & -GRANULE_BYTES)) return ptr;
    } else if (!isSpan && size <= usable) {
      const isSameClass = liveHeaders[(size + GRANULE_BYTES - 1) >>> GRANULE_SHIFT] === liveHeader;
      if (isSameClass || size >= usable >> 1) return ptr;
    }
    const isSmaller = size <= usable;
    const to = isSmaller ? mallocSlow(views, size) : malloc(size);
    if (to === 0) return ptr;
    const bytes = isSmaller ? size : usable;
    if (bytes > WORD_COPY_MAX_BYTES) {
      u8.copyWithin(to, ptr, ptr + bytes);
    } else {
      const end = ((ptr + bytes + GRANULE_BYTES - 1) & -GRANULE_BYTES) >> 2;
      for (let source = ptr >> 2, target = to >> 2; source < end; source += 4, target += 4) {
        i32[target] = i32[source];
        i32[target + 1] = i32[source + 1];
        i32[target + 2] = i32[source + 2];
        i32[target + 3] = i32[source + 3];
      }
    }
    try {
      free(ptr);
    } catch (error) {
      // Another worker has freed the block meanwhile.
      free(to as Ptr);
      throw error;
    }
    return to as Ptr;
  }
  return realloc;
}

import type { Header } from "../base/types.js";
import { spanBytes } from "../central/spans.js";
import { GRANULE_BYTES, GRANULE_SHIFT, headerClass, LIVE } from "../layout/header.js";
import { BLOCK_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import * as superblock from "../layout/superblock.js";
import type { HeapViews } from "../layout/views.js";
import { closed, notLive } from "./misuse.js";

/**
 * Returns the header of a live ptr. @throws ERR_INVALID_POINTER or ERR_DOUBLE_FREE for any other.
 */
export function liveHeaderOf(views: HeapViews, ptr: number): Header {
  if (views.gate[superblock.CLOSED] !== 0) throw closed(views);
  if (typeof ptr === "number" && (ptr & -GRANULE_BYTES) === ptr) {
    const header = views.headers[ptr >>> GRANULE_SHIFT];
    if (header > LIVE) return header;
  }
  throw notLive(views, ptr);
}

/** Returns how many bytes of a block the program may use. The header is that of the block. */
export function usableBytes(views: HeapViews, ptr: number, header: Header): number {
  const classIndex = headerClass(header);
  return classIndex === SPAN_CLASS ? spanBytes(views, ptr) : BLOCK_BYTES[classIndex];
}

import type { ByteHeap } from "../buffers/internal.js";
import { HeapError } from "../index.js";

const known = new WeakMap<ByteHeap, number>();

/**
 * Returns the most bytes of a block of a heap that is empty. What needs more can never have room,
 * so it is ERR_TOO_LARGE and not ERR_HEAP_EXHAUSTED. A heap says it only when it refuses a size.
 */
export function largestBlock(heap: ByteHeap): number {
  let bytes = known.get(heap);
  if (bytes === undefined) {
    bytes = ask(heap);
    known.set(heap, bytes);
  }
  return bytes;
}

function ask(heap: ByteHeap): number {
  try {
    heap.free(heap.malloc(Number.MAX_SAFE_INTEGER));
  } catch (error) {
    const max = error instanceof HeapError ? error.details.max : undefined;
    if (typeof max === "number") return max;
  }
  return heap.u8.length;
}

import { SharedHeap } from "../../../src/heap/sharedHeap.js";

/** Restores a snapshot; returns how it differs from a heap with these live blocks, or "". */
export function compareRestored(snapshot: Uint8Array, live: readonly number[]): string {
  const heap = SharedHeap.restore(snapshot);
  const { blocks } = heap.stats().live;
  if (blocks !== live.length) return `${blocks} blocks are restored of ${live.length}`;
  for (const ptr of live) {
    const kind = heap.classify(ptr);
    if (!["tiny", "pool", "large"].includes(kind)) return `ptr ${ptr} is ${kind} when restored`;
  }
  return "";
}

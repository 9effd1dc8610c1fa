import type { BlockInfo, Heap, HeapStats, SharedHeap, SharedHeapStats } from "../../src/index.js";
import { readMachine } from "../base/machine.js";
import type { InspectResult, SlabTile } from "../base/results.js";

export const SLAB_BYTES = 65536;

const LETTERS: Readonly<Record<BlockInfo["state"], string>> = { live: "L", cached: "C", free: "F" };

function toTile(ptr: number, { size, tier }: BlockInfo, blocks: string): SlabTile {
  const count = (letter: string): number => blocks.split(letter).length - 1;
  return {
    ptr,
    slabs: Math.ceil(size / SLAB_BYTES),
    tier,
    blockBytes: size,
    live: count(LETTERS.live),
    cached: count(LETTERS.cached),
    free: count(LETTERS.free),
    blocks,
  };
}

/** Returns every slab that has blocks, in address order. A span is one tile. */
function readSlabs(heap: Heap | SharedHeap): SlabTile[] {
  const tiles: SlabTile[] = [];
  let ptr = -1;
  let first: BlockInfo | null = null;
  let letters: string[] = [];
  const close = (): void => {
    if (first !== null) tiles.push(toTile(ptr, first, letters.join("")));
  };
  for (const block of heap.blocks()) {
    const slab = block.ptr - (block.ptr % SLAB_BYTES);
    if (slab !== ptr) {
      close();
      ptr = slab;
      first = block;
      letters = [];
    }
    letters.push(LETTERS[block.state]);
  }
  close();
  return tiles;
}

/** Returns the share of the used slabs that is not live: cached, free, uncarved, or lost. */
export function fragmentationOf(stats: HeapStats): number {
  const inUseBytes = stats.slabs.inUse * SLAB_BYTES;
  return inUseBytes === 0 ? 0 : 1 - stats.live.bytes / inUseBytes;
}

/**
 * Returns what `hakmem inspect` shows of a heap. `file` is the name it is shown under. `guest` is a
 * worker that is attached only to read it.
 */
export function buildInspect(heap: Heap | SharedHeap, file: string, guest?: number): InspectResult {
  const stats = withoutGuest(heap.stats(), guest);
  return {
    kind: "hakmem inspect",
    version: 1,
    machine: readMachine(),
    file,
    slabBytes: SLAB_BYTES,
    stats,
    slabs: readSlabs(heap),
    fragmentation: fragmentationOf(stats),
  };
}

function withoutGuest(
  stats: HeapStats | SharedHeapStats,
  guest: number | undefined,
): HeapStats | SharedHeapStats {
  if (guest === undefined || !("workers" in stats)) return stats;
  return { ...stats, workers: stats.workers.filter(({ workerId }) => workerId !== guest) };
}

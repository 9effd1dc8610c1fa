import { Heap, HeapError, SharedHeap } from "../../src/index.js";

/** Words of a snapshot before its list of extents: see src/inspect/snapshot.ts. */
const HEADER_WORDS = 5;
const CAPACITY_WORD = 2;
const EXTENTS_WORD = 3;

/** The heap of a snapshot; `guest` is the worker, if any, that was attached to read it. */
export interface ReadImage {
  readonly heap: Heap | SharedHeap;
  readonly guest?: number;
}

/**
 * Reads a snapshot of a heap, or of one that workers share.
 * @throws {HeapError} ERR_BAD_HEAP_IMAGE with the field that failed, ERR_HEAP_CORRUPTED
 */
export function readImage(snapshot: Uint8Array): ReadImage {
  try {
    return { heap: Heap.restore(snapshot) };
  } catch (error) {
    const restored = restoreShared(snapshot, error);
    return attachToCopy(snapshot) ?? { heap: restored };
  }
}

function restoreShared(snapshot: Uint8Array, reason: unknown): SharedHeap {
  let heap: SharedHeap;
  try {
    heap = SharedHeap.restore(snapshot);
  } catch (error) {
    // It has no workers, so it helps to say why it is no heap of one worker either.
    const isUnshared = error instanceof HeapError && error.details.field === "workers";
    throw isUnshared ? reason : error;
  }
  heap.verify();
  return heap;
}

/**
 * The heap as it was: restoring takes the workers' caches from them. Undefined where all slots for
 * workers are taken.
 */
function attachToCopy(snapshot: Uint8Array): ReadImage | undefined {
  const words = new Uint32Array(new Uint8Array(snapshot).buffer);
  const count = words[EXTENTS_WORD] as number;
  const buffer = new SharedArrayBuffer(words[CAPACITY_WORD] as number);
  const target = new Uint8Array(buffer);
  let at = 4 * (HEADER_WORDS + 2 * count);
  for (let index = 0; index < count; index++) {
    const extent = HEADER_WORDS + 2 * index;
    const end = at + (words[extent + 1] as number);
    target.set(snapshot.subarray(at, end), words[extent]);
    at = end;
  }
  try {
    const heap = SharedHeap.attach(buffer);
    return { heap, guest: heap.workerId };
  } catch {
    return undefined;
  }
}

import { SharedHeap } from "../../../dist/index.js";
import { type MemoryKind, RING } from "./ringShared.js";

/** What a loop allocates from. */
export interface RingMemory {
  readonly u8: Uint8Array;
  readonly malloc: (bytes: number) => number;
  readonly free: (ptr: number) => void;
  /** Ptrs that one store to the ring publishes, and the most on their way. */
  readonly batch: number;
  readonly limit: number;
  drain(): void;
}

const CAPACITY = 2 ** 26;
const PEER_BYTES = 2 ** 20;

/** The class MemoryBuffer of @daneren2005/shared-memory-objects. */
interface PeerHeap {
  malloc(bytes: number): number;
  free(ptr: number): boolean;
}

interface PeerOptions {
  buf: SharedArrayBuffer;
  skipInitialization: boolean;
  compact: boolean;
  split: boolean;
}

type PeerModule = { default: new (options: PeerOptions) => PeerHeap };

/** Opens the peer, which was bundled from the folder that `--peer` names. */
async function openPeer(buf: SharedArrayBuffer, isNew: boolean): Promise<PeerHeap> {
  const file = new URL("./peer.js", import.meta.url).href;
  // It looks for its lock's Atomics in a browser's global.
  Object.assign(globalThis, { self: globalThis });
  const { default: MemoryBuffer } = (await import(file)) as PeerModule;
  return new MemoryBuffer({ buf, skipInitialization: !isNew, compact: false, split: false });
}

/** Creates what the workers of a process share. The heap's creator is one of its workers. */
export async function createMemory(
  kind: MemoryKind,
  workers: number,
): Promise<{ buffer: SharedArrayBuffer; heap: SharedHeap | undefined }> {
  if (kind === "heap") {
    const heap = SharedHeap.create({ capacity: CAPACITY, maxWorkers: 1 + workers });
    return { buffer: heap.buffer, heap };
  }
  const buffer = new SharedArrayBuffer(PEER_BYTES);
  if (kind === "peer") await openPeer(buffer, true);
  return { buffer, heap: undefined };
}

/**
 * Opens a worker's memory. The peer's allocator is one list under one spinlock, and its free
 * searches all live blocks from the newest on, so few blocks are on their way in its ring.
 */
export async function openMemory(kind: MemoryKind, buffer: SharedArrayBuffer): Promise<RingMemory> {
  if (kind === "peer") {
    const peer = await openPeer(buffer, false);
    const malloc = (bytes: number): number => peer.malloc(bytes);
    const free = (ptr: number): void => void peer.free(ptr);
    return { u8: new Uint8Array(buffer), malloc, free, batch: 64, limit: 256, drain: () => {} };
  }
  const rings = { batch: 256, limit: RING };
  if (kind === "none") {
    let next = 0;
    let sum = 0;
    const malloc = (bytes: number): number => {
      next = (next + bytes) & 0xffff;
      return next;
    };
    const free = (ptr: number): void => {
      sum = (sum + ptr) | 0;
    };
    return { u8: new Uint8Array(buffer), malloc, free, ...rings, drain: () => sum };
  }
  const heap =
    kind === "heap"
      ? SharedHeap.attach(buffer)
      : SharedHeap.create({ capacity: CAPACITY, maxWorkers: 1 });
  const free = heap.free as (ptr: number) => void;
  return { u8: heap.u8, malloc: heap.malloc, free, ...rings, drain: () => heap.drain() };
}

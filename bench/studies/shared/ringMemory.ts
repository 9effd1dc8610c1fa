import { SharedHeap } from "../../../dist/index.js";
import { subjectOf } from "../../rivals/heap.js";
import { linear } from "../../rivals/linear.js";
import type { Subject } from "../../rivals/subject.js";
import { type MemoryKind, RING } from "./ringShared.js";

/** What a loop allocates from. */
interface RingMemory {
  readonly subject: Subject<number>;
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
  const u8 = new Uint8Array(buffer);
  if (kind === "peer") {
    const peer = await openPeer(buffer, false);
    const malloc = (bytes: number): number => peer.malloc(bytes);
    const subject = subjectFrom(u8, malloc, (ptr) => void peer.free(ptr));
    return { subject, batch: 64, limit: 256, drain: () => {} };
  }
  if (kind === "none") return { subject: countPtrs(u8), ...RINGS, drain: () => {} };
  const heap =
    kind === "heap"
      ? SharedHeap.attach(buffer)
      : SharedHeap.create({ capacity: CAPACITY, maxWorkers: 1 });
  // The built package declares a class of its own.
  const own = heap as unknown as Parameters<typeof subjectOf>[0];
  return { subject: subjectOf(own), ...RINGS, drain: () => heap.drain() };
}

const RINGS = { batch: 256, limit: RING };

function subjectFrom(
  u8: Uint8Array,
  malloc: (bytes: number) => number,
  free: (ptr: number) => void,
): Subject<number> {
  const realloc = (): never => {
    throw new Error("no loop resizes a block");
  };
  const ops = { malloc, free, realloc };
  return linear(u8, ops);
}

/** Returns a subject that only counts: the same ptrs come again, used or not. */
function countPtrs(u8: Uint8Array): Subject<number> {
  const state = new Int32Array(2);
  const malloc = (bytes: number): number => {
    const ptr = ((state[0] as number) + bytes) & 0xffff;
    state[0] = ptr;
    return ptr;
  };
  return subjectFrom(u8, malloc, (ptr) => {
    state[1] = (state[1] as number) ^ ptr;
  });
}

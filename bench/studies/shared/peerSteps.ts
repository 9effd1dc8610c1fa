/**
 * The steps of the peer, @daneren2005/shared-memory-objects: its allocator is one list under one
 * spinlock, and its free searches all live blocks from the newest on. So the ring is kept short.
 */
import { BLOCK_BYTES, DATA, HEAD, PEER_BATCH, PEER_LIMIT, RING, TAIL } from "./protocol.js";

/** The peer's class MemoryBuffer. */
export interface PeerHeap {
  malloc(bytes: number): number;
  free(ptr: number): boolean;
}

export interface PeerOptions {
  buf: SharedArrayBuffer;
  skipInitialization: boolean;
  compact: boolean;
  split: boolean;
}

type PeerModule = { default: new (options: PeerOptions) => PeerHeap };

/** Bundled from the folder that `--peer` names. */
export async function openPeer(buf: SharedArrayBuffer, isNew: boolean): Promise<PeerHeap> {
  const file = new URL("../../shared/peer.js", import.meta.url).href;
  // It looks for its lock's Atomics in a browser's global.
  Object.assign(globalThis, { self: globalThis });
  const { default: MemoryBuffer } = (await import(file)) as PeerModule;
  return new MemoryBuffer({ buf, skipInitialization: !isNew, compact: false, split: false });
}

export async function loadPeer(
  mode: string,
  buffer: SharedArrayBuffer,
  ring: Int32Array,
): Promise<() => number> {
  const heap = await openPeer(buffer, false);
  const u8 = new Uint8Array(buffer);
  const mask = RING - 1;
  let cursor = 0;
  const pair = (): number => {
    for (let k = 0; k < PEER_BATCH; k++) {
      const ptr = heap.malloc(BLOCK_BYTES);
      u8[ptr] = k;
      ring[k] = ptr;
    }
    for (let k = 0; k < PEER_BATCH; k++) heap.free(ring[k] as number);
    return PEER_BATCH;
  };
  const produce = (): number => {
    if (cursor + PEER_BATCH - Atomics.load(ring, HEAD) > PEER_LIMIT) return 0;
    for (let k = 0; k < PEER_BATCH; k++) {
      const ptr = heap.malloc(BLOCK_BYTES);
      u8[ptr] = k;
      ring[DATA + ((cursor + k) & mask)] = ptr;
    }
    cursor += PEER_BATCH;
    Atomics.store(ring, TAIL, cursor);
    return PEER_BATCH;
  };
  const consume = (): number => {
    if (Atomics.load(ring, TAIL) - cursor < PEER_BATCH) return 0;
    for (let k = 0; k < PEER_BATCH; k++) heap.free(ring[DATA + ((cursor + k) & mask)] as number);
    cursor += PEER_BATCH;
    Atomics.store(ring, HEAD, cursor);
    return PEER_BATCH;
  };
  return { "peer-pair": pair, "peer-produce": produce }[mode] ?? consume;
}

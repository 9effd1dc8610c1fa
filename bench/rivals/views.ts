import { loadPackage } from "./linear.js";
import type { Subject } from "./subject.js";

type View = Uint8Array;

/** Returns a subject whose blocks are views. A view cannot grow, so a realloc copies. */
function views(malloc: (size: number) => View, free: (block: View) => void): Subject<View> {
  const none = malloc(0);
  return {
    createSlots: (count) => new Array<View>(count).fill(none),
    malloc,
    free,
    realloc(block, size) {
      const moved = malloc(size);
      moved.set(moved.length < block.length ? block.subarray(0, moved.length) : block);
      free(block);
      return moved;
    },
    write(block, offset, value) {
      block[offset] = value;
    },
    read: (block, offset) => block[offset] as number,
    fill(block, size, value) {
      block.fill(value, 0, size);
    },
  };
}

const collected = (): void => {};

/** Returns Buffers, of which small ones are slices of a pool of so many bytes. */
export function createBuffers(poolSize: number): Subject<View> {
  Buffer.poolSize = poolSize;
  return views((size) => Buffer.allocUnsafe(size), collected);
}

export function createUint8Arrays(): Subject<View> {
  return views((size) => new Uint8Array(size), collected);
}

interface PoolModule {
  readonly default: {
    mallocUint8(size: number): View;
    free(block: View): void;
  };
}

export async function createTypedarrayPool(): Promise<Subject<View>> {
  const { default: pool } = (await loadPackage("typedarray-pool")) as PoolModule;
  return views(
    (size) => pool.mallocUint8(size),
    (block) => pool.free(block),
  );
}

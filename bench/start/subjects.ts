import { Heap, type Ptr } from "../../dist/index.js";

/** One way to get memory for buffers. A handle is what the program keeps of a block. */
export interface Subject<Handle> {
  readonly name: string;
  alloc(size: number): Handle;
  free(handle: Handle): void;
  realloc(handle: Handle, size: number): Handle;
  /** Writes the first byte, as a program that fills the block would begin to. */
  touch(handle: Handle, value: number): void;
}

export function hakmem(): Subject<Ptr> {
  const heap = Heap.create();
  const { u8 } = heap;
  return {
    name: "hakmem",
    alloc: heap.malloc,
    free: heap.free,
    realloc: heap.realloc,
    touch: (ptr, value) => {
      u8[ptr] = value;
    },
  };
}

/** Buffers that the collector frees: dropping the reference is all that `free` can do. */
function collected(name: string, alloc: (size: number) => Uint8Array): Subject<Uint8Array> {
  return {
    name,
    alloc,
    free: () => {},
    realloc: (old, size) => {
      const grown = alloc(size);
      grown.set(old.length > size ? old.subarray(0, size) : old);
      return grown;
    },
    touch: (bytes, value) => {
      bytes[0] = value;
    },
  };
}

export const SUBJECTS: Record<string, () => Subject<unknown>> = {
  hakmem: hakmem as () => Subject<unknown>,
  "Buffer.allocUnsafe": () =>
    collected("Buffer.allocUnsafe", (size) => Buffer.allocUnsafe(size)) as Subject<unknown>,
  "new Uint8Array": () =>
    collected("new Uint8Array", (size) => new Uint8Array(size)) as Subject<unknown>,
};

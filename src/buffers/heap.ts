import type { Ptr } from "../index.js";

/** What buffers need of a heap; `Heap` and `SharedHeap` have it. */
export interface ByteHeap<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly buffer: B;
  readonly u8: Uint8Array<B>;
  readonly dataView: DataView<B>;
  readonly malloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
  usableSize(ptr: Ptr): number;
}

import type { Ptr } from "../index.js";
import { invalid } from "./errors.js";

/** What buffers use of a heap. `Heap` and `SharedHeap` have it. */
export interface ByteHeap<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly buffer: B;
  readonly u8: Uint8Array<B>;
  readonly dataView: DataView<B>;
  readonly malloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
  usableSize(ptr: Ptr): number;
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT for something that is no heap */
export function checkHeap(heap: unknown): void {
  const { malloc, free, u8 } = (heap ?? {}) as Partial<ByteHeap>;
  if (typeof malloc === "function" && typeof free === "function" && u8 !== undefined) return;
  throw invalid("heap", heap, "a Heap or a SharedHeap");
}

import { Buffer } from "node:buffer";
import type { ByteHeap } from "../../buffers/index.js";
import { NULL, type Ptr } from "../../index.js";

/** How many bytes a connection reads at once. */
export const READ_BYTES = 65536;

/**
 * A block that sockets read into. What a connection writes of it without a copy holds it, until it
 * is flushed. The last holder frees it.
 */
export class ReadBlock {
  readonly heap: ByteHeap;
  readonly ptr: Ptr;
  readonly view: Buffer;
  /** Whether all connections of a pool read into it. Nothing may hold it beyond a turn. */
  readonly isShared: boolean;
  private holders: number;

  /** @throws {HeapError} ERR_HEAP_EXHAUSTED */
  constructor(heap: ByteHeap, isShared: boolean) {
    this.heap = heap;
    this.ptr = heap.malloc(READ_BYTES);
    this.view = Buffer.from(heap.buffer, this.ptr, READ_BYTES);
    this.isShared = isShared;
    this.holders = 1;
  }

  /** Whether somebody else than its reader holds it. */
  get isHeld(): boolean {
    return this.holders > 1;
  }

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
    if (this.holders === 0 && this.ptr !== NULL) this.heap.free(this.ptr);
  }
}

import { Buffer } from "node:buffer";
import type { ByteHeap } from "../../buffers/index.js";
import { NULL, type Ptr } from "../../index.js";

/** The bytes of the block that all connections of a pool read into. */
export const SHARED_BYTES = 65536;
/** The bytes of the block of a connection that receives much. */
export const OWN_BYTES = 262144;

/**
 * A block that sockets read into. What a connection writes of it without a copy holds it, until it
 * is flushed. The last holder frees it.
 */
export class ReadBlock {
  readonly heap: ByteHeap;
  readonly ptr: Ptr;
  readonly end: number;
  readonly view: Buffer;
  /** Whether all connections of a pool read into it. Nothing may hold it beyond a turn. */
  readonly isShared: boolean;
  private holders: number;

  /** @throws {HeapError} ERR_HEAP_EXHAUSTED */
  constructor(heap: ByteHeap, isShared: boolean) {
    this.heap = heap;
    const bytes = isShared ? SHARED_BYTES : OWN_BYTES;
    this.ptr = heap.malloc(bytes);
    this.end = this.ptr + bytes;
    this.view = Buffer.from(heap.buffer, this.ptr, bytes);
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

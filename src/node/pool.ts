import { Buffer } from "node:buffer";
import { markAsUntransferable } from "node:worker_threads";
import { BufferPool, type ByteHeap } from "../buffers/index.js";

/**
 * A `BufferPool` whose buffers are Node's: for code that calls `Buffer.allocUnsafe` today. The
 * heap's buffer cannot be transferred from then on: that would take all buffers away.
 */
export class NodeBufferPool<B extends ArrayBufferLike = ArrayBufferLike> extends BufferPool<
  B,
  Buffer<B>
> {
  constructor(heap: ByteHeap<B>) {
    super(heap);
    if (heap.buffer instanceof ArrayBuffer) markAsUntransferable(heap.buffer);
  }

  protected override get prototype(): Buffer {
    return Buffer.prototype;
  }
}

import { Buffer } from "node:buffer";
import { markAsUntransferable } from "node:worker_threads";
import { type BufferData, BufferPool, type ByteHeap } from "../buffers/index.js";

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

  /** As `Buffer.alloc`: bytes that are 0, or filled with a value. */
  override alloc(
    size: number,
    fill: string | number | Uint8Array = 0,
    encoding?: BufferEncoding,
  ): Buffer<B> {
    const buffer = this.allocUnsafe(size);
    try {
      return typeof fill === "string" ? buffer.fill(fill, encoding ?? "utf8") : buffer.fill(fill);
    } catch (error) {
      this.free(buffer);
      throw error;
    }
  }

  /** As `Buffer.from`, of a string in any encoding of Node's. */
  override from(data: BufferData, encoding?: BufferEncoding): Buffer<B> {
    if (typeof data !== "string" || encoding === undefined) return super.from(data);
    return super.from(Buffer.from(data, encoding));
  }

  protected override get prototype(): Buffer {
    return Buffer.prototype;
  }
}

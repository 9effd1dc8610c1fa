import { Buffer } from "node:buffer";
import { types } from "node:util";
import { markAsUntransferable } from "node:worker_threads";
import { invalid } from "../buffers/errors.js";
import {
  type BufferData,
  BufferPool,
  type BufferPoolOptions,
  type ByteHeap,
} from "../buffers/index.js";

/**
 * A `BufferPool` of Node's `Buffer`s, for code that calls `Buffer.allocUnsafe` today. From then on
 * the buffer of the heap cannot be transferred, because that would take away all buffers.
 */
export class NodeBufferPool<B extends ArrayBufferLike = ArrayBufferLike> extends BufferPool<
  B,
  Buffer<B>
> {
  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(heap: ByteHeap<B>, options: BufferPoolOptions = {}) {
    super(heap, options);
    if (heap.buffer instanceof ArrayBuffer) markAsUntransferable(heap.buffer);
  }

  /**
   * Returns a buffer of `size` bytes that are 0 or filled with a value, like `Buffer.alloc`.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; what `allocUnsafe` and `Buffer.fill` throw. Then no
   * memory is kept.
   */
  override alloc(
    size: number,
    fill: string | number | Uint8Array = 0,
    encoding?: BufferEncoding,
  ): Buffer<B> {
    if (typeof fill !== "string" && typeof fill !== "number" && !types.isUint8Array(fill)) {
      throw invalid("fill", fill, "a string, a number or a Uint8Array");
    }
    const buffer = this.allocUnsafe(size);
    try {
      return typeof fill === "string" ? buffer.fill(fill, encoding ?? "utf8") : buffer.fill(fill);
    } catch (error) {
      this.free(buffer);
      throw error;
    }
  }

  /**
   * Returns a buffer with a copy of `data`, like `Buffer.from`. A string has any encoding of Node.
   * @throws what `BufferPool.from` throws
   */
  override from(data: BufferData, encoding?: BufferEncoding): Buffer<B> {
    if (typeof data !== "string" || encoding === undefined) return super.from(data);
    return super.from(Buffer.from(data, encoding));
  }

  protected override get prototype(): Buffer {
    return Buffer.prototype;
  }
}

import { Buffer } from "node:buffer";
import { BufferPool } from "../buffers/index.js";

/** A `BufferPool` whose buffers are Node's: for code that calls `Buffer.allocUnsafe` today. */
export class NodeBufferPool<B extends ArrayBufferLike = ArrayBufferLike> extends BufferPool<
  B,
  Buffer<B>
> {
  protected override makeView(ptr: number, size: number): Buffer<B> {
    return Buffer.from(this.heap.buffer, ptr, size) as Buffer<B>;
  }
}

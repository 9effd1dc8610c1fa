import { describe } from "../base/describe.js";
import { BufferError, type Ptr } from "../index.js";
import { Block, type Part } from "./block.js";
import { Bytes } from "./bytes.js";
import { type BufferData, copySource, toSource } from "./data.js";
import { type ByteHeap, checkHeap } from "./heap.js";
import { type Leak, type LeakDetection, LeakDetector } from "./leaks.js";
import { utf8Length, writeUtf8 } from "./utf8.js";

export interface BytesPoolOptions {
  /** Default "off". "sampled" watches one handle in 128, drawn at random. */
  readonly leakDetection?: LeakDetection;
  /** What to do with a leak; by default it is a warning. */
  readonly onLeak?: (leak: Leak) => void;
}

/** Makes `Bytes` in a heap. */
export class BytesPool<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly heap: ByteHeap<B>;
  private readonly leaks: LeakDetector;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(heap: ByteHeap<B>, options: BytesPoolOptions = {}) {
    checkHeap(heap);
    this.heap = heap;
    this.leaks = new LeakDetector(options?.leakDetection, options?.onLeak);
  }

  /**
   * Bytes whose contents are undefined.
   * @throws {HeapError} ERR_INVALID_SIZE, ERR_HEAP_EXHAUSTED
   */
  allocUnsafe(length: number): Bytes<B> {
    return this.own(this.heap.malloc(length), length);
  }

  /** Bytes that are 0. */
  alloc(length: number): Bytes<B> {
    const ptr = this.heap.malloc(length);
    this.heap.u8.fill(0, ptr, ptr + length);
    return this.own(ptr, length);
  }

  /**
   * A copy of `data`; a string as UTF-8.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; no memory is kept then.
   */
  from(data: BufferData): Bytes<B> {
    if (typeof data === "string") {
      const length = utf8Length(data);
      const ptr = this.heap.malloc(length);
      writeUtf8(data, this.heap.u8, ptr);
      return this.own(ptr, length);
    }
    const source = toSource(data);
    const ptr = this.heap.malloc(source.length);
    try {
      copySource(source, this.heap.u8, ptr);
    } catch (error) {
      this.heap.free(ptr);
      throw error;
    }
    return this.own(ptr, source.length);
  }

  /**
   * Takes a live block, such as one that another worker gave by `handOff`.
   * @throws {HeapError} ERR_INVALID_POINTER, ERR_DOUBLE_FREE
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  adopt(ptr: Ptr, length: number): Bytes<B> {
    const usable = this.heap.usableSize(ptr);
    if (!Number.isInteger(length) || length < 0 || length > usable) {
      const message = `length is ${describe(length)}; the block at ${ptr} has ${usable} bytes`;
      throw new BufferError("ERR_OUT_OF_RANGE", message, { ptr, got: length, most: usable });
    }
    return this.own(ptr, length);
  }

  /** @internal Bytes of parts that they hold from now on. */
  join(parts: Part<B>[], isFrozen: boolean): Bytes<B> {
    return new Bytes(this.heap, this.leaks, parts, isFrozen);
  }

  private own(ptr: Ptr, length: number): Bytes<B> {
    return new Bytes(this.heap, this.leaks, [
      { block: new Block(this.heap, ptr), start: ptr, length },
    ]);
  }
}

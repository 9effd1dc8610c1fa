import { describe } from "../base/describe.js";
import { BufferError, type Ptr } from "../index.js";
import { Block, type Part } from "./block.js";
import { Bytes } from "./bytes.js";
import { type BufferData, copySource, toSource } from "./data.js";
import { type ByteHeap, checkHeap } from "./heap.js";
import { type Leak, type LeakDetection, LeakDetector } from "./leaks.js";
import { utf8Length, writeUtf8 } from "./utf8.js";

export interface BytesPoolOptions {
  /** Which handles are watched for leaks. Default "off". */
  readonly leakDetection?: LeakDetection;
  /** Called with each leak. By default the console warns of it. */
  readonly onLeak?: (leak: Leak) => void;
}

/** Makes `Bytes` in a heap. Whoever gets them releases them. */
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
   * Returns `length` bytes of any content: an allocation of one block and an object.
   * @throws {HeapError} ERR_INVALID_SIZE, ERR_HEAP_EXHAUSTED
   */
  allocUnsafe(length: number): Bytes<B> {
    return this.own(this.heap.malloc(length), length);
  }

  /** Returns `length` bytes that are 0. @throws what `allocUnsafe` throws */
  alloc(length: number): Bytes<B> {
    const ptr = this.heap.malloc(length);
    this.heap.u8.fill(0, ptr, ptr + length);
    return this.own(ptr, length);
  }

  /**
   * Returns a copy of `data`; a string is written as UTF-8.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; no memory is kept
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
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
   * Returns the first `length` bytes of a live block, for example of one that another worker gave
   * away with `handOff`. The block is freed with the last handle.
   * @throws {HeapError} ERR_INVALID_POINTER, ERR_DOUBLE_FREE
   * @throws {BufferError} ERR_OUT_OF_RANGE if the block is smaller
   */
  adopt(ptr: Ptr, length: number): Bytes<B> {
    const usable = this.heap.usableSize(ptr);
    if (!Number.isInteger(length) || length < 0 || length > usable) {
      const message = `length is ${describe(length)}; the block at ${ptr} has ${usable} bytes`;
      throw new BufferError("ERR_OUT_OF_RANGE", message, { ptr, got: length, most: usable });
    }
    return this.own(ptr, length);
  }

  /** @internal Returns bytes that hold these parts from now on. */
  join(parts: Part<B>[], isFrozen: boolean): Bytes<B> {
    return new Bytes(this.heap, this.leaks, parts, isFrozen);
  }

  private own(ptr: Ptr, length: number): Bytes<B> {
    return new Bytes(this.heap, this.leaks, [
      { block: new Block(this.heap, ptr), start: ptr, length },
    ]);
  }
}

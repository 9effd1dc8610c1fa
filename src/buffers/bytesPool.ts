import { describe } from "../base/describe.js";
import { BufferError, NULL, type Ptr } from "../index.js";
import { Block, type Part } from "./block.js";
import { Bytes, isBytes, ofChains } from "./bytes.js";
import { Leaf } from "./chain.js";
import { type BufferData, copySource, toSource } from "./data.js";
import { type ByteHeap, checkHeap } from "./heap.js";
import { LeakDetector, type LeakOptions, Origin } from "./leaks.js";
import { utf8Length, writeUtf8 } from "./utf8.js";

/** What a pool of `Bytes` watches. A leak is reported, and its memory comes back. */
export type BytesPoolOptions = LeakOptions;

let readOrigin: <B extends ArrayBufferLike>(pool: BytesPool<B>) => Origin<B>;

/** Makes `Bytes` in a heap. Whoever gets them releases them. */
export class BytesPool<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly heap: ByteHeap<B>;
  readonly #origin: Origin<B>;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(heap: ByteHeap<B>, options: BytesPoolOptions = {}) {
    checkHeap(heap);
    this.heap = heap;
    const detector = new LeakDetector(options?.leakDetection, options?.onLeak);
    this.#origin = new Origin(heap, detector);
    keepShapes(this.#origin);
  }

  static {
    readOrigin = (pool) => pool.#origin;
  }

  /**
   * Returns `length` bytes of any content: an allocation of one block and an object.
   * @throws {HeapError} ERR_INVALID_SIZE, ERR_HEAP_EXHAUSTED
   */
  allocUnsafe(length: number): Bytes<B> {
    return own(this.#origin, this.heap.malloc(length), length);
  }

  /** Returns `length` bytes that are 0. @throws what `allocUnsafe` throws */
  alloc(length: number): Bytes<B> {
    const ptr = this.heap.malloc(length);
    this.heap.u8.fill(0, ptr, ptr + length);
    return own(this.#origin, ptr, length);
  }

  /**
   * Returns a copy of `data`; a string is written as UTF-8.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; no memory is kept
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  from(data: BufferData | Bytes): Bytes<B> {
    if (typeof data === "string") {
      const length = utf8Length(data);
      const ptr = this.heap.malloc(length);
      writeUtf8(data, this.heap.u8, ptr);
      return own(this.#origin, ptr, length);
    }
    if (isBytes(data)) return this.from(data.toUnshared());
    const source = toSource(data);
    const ptr = this.heap.malloc(source.length);
    try {
      copySource(source, this.heap.u8, ptr);
    } catch (error) {
      this.heap.free(ptr);
      throw error;
    }
    return own(this.#origin, ptr, source.length);
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
    return own(this.#origin, ptr, length);
  }
}

const examples = new WeakMap<Origin, Bytes>();

/**
 * Keeps a handle that nobody uses. V8 forgets the shape of objects of which a collection finds
 * none, and throws the code away that makes them: to allocate takes ten times as long then.
 */
function keepShapes(origin: Origin): void {
  const unwatched = new Origin(origin.heap, new LeakDetector());
  examples.set(origin, own(unwatched, NULL, 0));
}

function own<B extends ArrayBufferLike>(origin: Origin<B>, ptr: Ptr, length: number): Bytes<B> {
  return new Bytes(origin, new Block(origin.heap, ptr, 1), ptr, length, undefined, false);
}

/** Returns `length` bytes of a block, which hold the block from now on. */
export function shareBlock<B extends ArrayBufferLike>(
  pool: BytesPool<B>,
  block: Block<B>,
  start: number,
  length: number,
  isFrozen: boolean,
): Bytes<B> {
  block.holders++;
  return new Bytes(readOrigin(pool), block, start, length, undefined, isFrozen);
}

/** Returns bytes that hold these parts from now on. */
export function joinParts<B extends ArrayBufferLike>(
  pool: BytesPool<B>,
  parts: readonly Part<B>[],
  isFrozen: boolean,
): Bytes<B> {
  const leaves = parts.map(({ block, start, length }) => new Leaf(block, start, length));
  return ofChains(readOrigin(pool), leaves, isFrozen);
}

import { isPowerOfTwo } from "../base/bits.js";
import { HeapError, show } from "../base/errors.js";
import type { Ptr } from "../base/types.js";
import type { HeapOptions } from "../config/options.js";
import type { Door } from "../front/door.js";
import { liveHeaderOf, usableBytes } from "../front/lookup.js";
import { classifyNotLive, closed, type NotLive } from "../front/misuse.js";
import { drainCaches } from "../front/sll.js";
import { type BlockInfo, walkBlocks } from "../inspect/walk.js";
import { GRANULE_BYTES, GRANULE_SHIFT, headerClass, LIVE } from "../layout/header.js";
import {
  BLOCK_BYTES,
  CLASS_MAX_BYTES,
  classTier,
  sizeToLiveHeader,
  TINY_MAX_BYTES,
  type Tier,
} from "../layout/sizeClasses.js";
import * as superblock from "../layout/superblock.js";
import { SLAB_BYTES } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";
import { checkCount, freeBatch, mallocBatch, type PtrArray } from "./batch.js";
import { instrument } from "./instrument.js";

/** What `classify` says: the tier of a live block, or why the number is no live ptr. */
export type PtrKind = Tier | NotLive;

/**
 * What every heap does, whoever else uses its buffer. A ptr is a byte offset in `buffer`.
 *
 * Nothing here allocates on the JavaScript heap, except views, errors and what `blocks` and the
 * inspections return. Costs are given for a 4 GHz core; docs/BENCHMARKS.md has more.
 */
export abstract class BaseHeap<B extends ArrayBufferLike> implements Door {
  /**
   * Allocates a block of at least `size` bytes, aligned to 16, its contents undefined. 0 bytes give
   * a block too. About 1 to 3 ns up to 64 KiB; a larger one is a span of whole slabs, about 30 ns.
   * @throws {HeapError} ERR_INVALID_SIZE unless `size` is an integer from 0 to what the slabs hold:
   * the capacity less the metadata.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED when no free memory holds it; nothing has changed then.
   */
  readonly malloc: (size: number) => Ptr;
  /** Like `malloc`, but returns 0 when memory is exhausted. About 4 ns, as it has no hot path. */
  readonly tryMalloc: (size: number) => Ptr;
  /**
   * Frees a live block; 0 is ignored. About 1 to 3 ns.
   * @throws {HeapError} ERR_DOUBLE_FREE or ERR_INVALID_POINTER, before anything has changed.
   */
  readonly free: (ptr: Ptr) => void;
  /**
   * Changes a block's size and keeps its contents up to the smaller of both. In place if it fits
   * and is not more than half unused, or if a span can be cut or grown where it lies; else a copy.
   * `realloc(0, size)` is `malloc(size)`. On an error the old block is as it was. An alignment that
   * was asked for is lost when the block moves.
   * @returns the block, which may have moved.
   * @throws {HeapError} as `malloc` and `free` do.
   */
  readonly realloc: (ptr: Ptr, size: number) => Ptr;

  /** The whole heap image: every byte the allocator knows is in it. */
  readonly buffer: B;
  readonly options: Readonly<HeapOptions>;
  /** Views of fixed length over the whole heap: `heap.u32[ptr >>> 2]`. */
  readonly u8: Uint8Array<B>;
  readonly i8: Int8Array<B>;
  readonly u16: Uint16Array<B>;
  readonly i16: Int16Array<B>;
  readonly u32: Uint32Array<B>;
  readonly i32: Int32Array<B>;
  readonly f32: Float32Array<B>;
  readonly f64: Float64Array<B>;
  readonly i64: BigInt64Array<B>;
  readonly u64: BigUint64Array<B>;
  readonly dataView: DataView<B>;

  protected readonly views: HeapViews;

  protected constructor(buffer: B, views: HeapViews, options: HeapOptions, bare: Door) {
    const door = instrument(bare, views, options);
    this.malloc = door.malloc;
    this.tryMalloc = door.tryMalloc;
    this.free = door.free;
    this.realloc = door.realloc;
    this.buffer = buffer;
    this.options = Object.freeze(options);
    const bytes = options.capacity;
    this.u8 = new Uint8Array(buffer, 0, bytes);
    this.i8 = new Int8Array(buffer, 0, bytes);
    this.u16 = new Uint16Array(buffer, 0, bytes >> 1);
    this.i16 = new Int16Array(buffer, 0, bytes >> 1);
    this.u32 = new Uint32Array(buffer, 0, bytes >> 2);
    this.i32 = new Int32Array(buffer, 0, bytes >> 2);
    this.f32 = new Float32Array(buffer, 0, bytes >> 2);
    this.f64 = new Float64Array(buffer, 0, bytes >> 3);
    this.i64 = new BigInt64Array(buffer, 0, bytes >> 3);
    this.u64 = new BigUint64Array(buffer, 0, bytes >> 3);
    this.dataView = new DataView(buffer, 0, bytes);
    this.views = views;
  }

  /** Like `malloc`, with all of the first `size` bytes 0. */
  calloc(size: number): Ptr {
    const ptr = this.malloc(size);
    this.u8.fill(0, ptr, ptr + size);
    return ptr;
  }

  /**
   * Like `malloc`, with `ptr` a multiple of `alignment`.
   * @throws {HeapError} ERR_INVALID_ALIGNMENT unless it is a power of two from 1 to 65536.
   */
  alignedAlloc(alignment: number, size: number): Ptr {
    this.openViews();
    if (!Number.isInteger(alignment) || !isPowerOfTwo(alignment) || alignment > SLAB_BYTES) {
      const accepted = `a power of two from 1 to ${SLAB_BYTES}`;
      const message = `alignment is ${show(alignment)}; it takes ${accepted}`;
      throw new HeapError("ERR_INVALID_ALIGNMENT", message, {
        got: alignment,
        min: 1,
        max: SLAB_BYTES,
      });
    }
    if (alignment <= GRANULE_BYTES || !isClassSize(size)) return this.malloc(size);
    const least = this.options.wrapTiny ? alignment : Math.max(alignment, TINY_MAX_BYTES + 1);
    let classIndex = headerClass(sizeToLiveHeader(Math.max(size, least)));
    while (BLOCK_BYTES[classIndex] % alignment !== 0) classIndex++;
    return this.malloc(BLOCK_BYTES[classIndex]);
  }

  /**
   * Allocates `count` blocks of `size` bytes into the first places of `out`: all of them, or none,
   * and then what was written there is 0.
   * @throws {HeapError} as `malloc`; ERR_INVALID_ARGUMENT if `out` is too short.
   */
  mallocBatch(size: number, count: number, out: PtrArray): void {
    this.openViews();
    checkCount(count, out, true);
    mallocBatch(this, size, count, out);
  }

  /**
   * Frees the first `count` ptrs: all of them, or none. 0 is skipped.
   * @throws {HeapError} as `free`, also for a ptr that stands there twice; ERR_INVALID_ARGUMENT.
   */
  freeBatch(ptrs: PtrArray, count: number): void {
    checkCount(count, ptrs, false);
    freeBatch(this.openViews(), this, ptrs, count);
  }

  /** Bytes that may be used of a live block: at least what was asked for. @throws as `free`. */
  usableSize(ptr: Ptr): number {
    const { views } = this;
    return usableBytes(views, ptr, liveHeaderOf(views, ptr));
  }

  /** Tells what anything is to this heap, from its header byte: no ptr is an error here. */
  classify(ptr: number): PtrKind {
    const views = this.openViews();
    const isGranule = typeof ptr === "number" && (ptr & -GRANULE_BYTES) === ptr;
    const header = isGranule ? views.headers[ptr >>> GRANULE_SHIFT] : 0;
    return header > LIVE ? classTier(headerClass(header)) : classifyNotLive(views, ptr);
  }

  /**
   * A view of a live block's first `length` bytes (default: all usable ones). It cannot reach
   * another block; it stays readable and writable after the block is freed.
   * @throws {HeapError} as `free`; ERR_INVALID_ARGUMENT for a length beyond the block.
   */
  bytes(ptr: Ptr, length?: number): Uint8Array<B> {
    const usable = this.usableSize(ptr);
    const wanted = length ?? usable;
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > usable) {
      const message = `length is ${show(length)}; this block takes an integer from 0 to ${usable}`;
      throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: length, min: 0, max: usable });
    }
    return new Uint8Array(this.buffer, ptr, wanted);
  }

  /** Walks all blocks in address order, free ones too. The heap must not change meanwhile. */
  blocks(): Generator<BlockInfo, void, undefined> {
    return walkBlocks(this.openViews());
  }

  /** Returns every cached block to its slab, and every empty slab to the arena. */
  drain(): void {
    drainCaches(this.openViews());
  }

  protected openViews(): HeapViews {
    if (this.views.gate[superblock.CLOSED] !== 0) throw closed(this.views);
    return this.views;
  }
}

/** Whether a size class may hold it; if not, `malloc` takes or refuses it. */
function isClassSize(size: number): boolean {
  return Number.isInteger(size) && size >= 0 && size <= CLASS_MAX_BYTES;
}

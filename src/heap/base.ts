import { isPowerOfTwo } from "../base/bits.js";
import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
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

/** What `classify` returns: the tier of a live block, or why a number is not a live ptr. */
export type PtrKind = Tier | NotLive;

/**
 * What every heap does, whether one worker uses its buffer or several. A ptr is a byte offset in
 * `buffer`, and a multiple of 16.
 *
 * Nothing here allocates on the JavaScript heap, except views, errors, and what `blocks`, `stats`
 * and `snapshot` return. Costs are those of a 4 GHz core; docs/BENCHMARKS.md says how they were
 * measured.
 */
export abstract class BaseHeap<B extends ArrayBufferLike> implements Door {
  /**
   * Allocates a block of at least `size` bytes, aligned to 16. Its contents are undefined. A size
   * of 0 gives a block too. About 1 to 3 ns up to 64 KiB. A larger block is a span of whole slabs,
   * about 30 ns.
   * @throws {HeapError} ERR_INVALID_SIZE unless `size` is an integer from 0 to the bytes of all
   * slabs, which is the capacity less the metadata.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED if no free memory holds the block; nothing has changed
   * then.
   */
  readonly malloc: (size: number) => Ptr;
  /**
   * Allocates as `malloc` does, but returns 0 when memory is exhausted. About 4 ns, because it has
   * no hot path.
   */
  readonly tryMalloc: (size: number) => Ptr;
  /**
   * Frees a live block; 0 is ignored. About 1 to 3 ns.
   * @throws {HeapError} ERR_DOUBLE_FREE if the block is free already, ERR_INVALID_POINTER if `ptr`
   * is not a block of this heap. Nothing has changed then.
   */
  readonly free: (ptr: Ptr) => void;
  /**
   * Changes the size of a block, and keeps its contents up to the smaller of both sizes. The block
   * stays where it lies if the size fits and at least half of it is used, or if it is a span that
   * can be cut or grown. Otherwise it is copied, and an alignment that was asked for is lost.
   * `realloc(0, size)` is `malloc(size)`. After an error the old block is as it was. A move costs a
   * `malloc`, a `free` and a copy of the bytes that are kept.
   * @returns the block, which may have moved.
   * @throws {HeapError} ERR_INVALID_SIZE and ERR_HEAP_EXHAUSTED as `malloc` does, ERR_DOUBLE_FREE
   * and ERR_INVALID_POINTER as `free` does.
   */
  readonly realloc: (ptr: Ptr, size: number) => Ptr;

  /** The heap image. Every byte that the allocator knows is in it. */
  declare readonly buffer: B;
  /** The options of the heap, with the defaults filled in. */
  readonly options: Readonly<HeapOptions>;
  /**
   * Views of the whole heap, of fixed length: `heap.u32[ptr >>> 2]` is the first word of a block.
   */
  declare readonly u8: Uint8Array<B>;
  declare readonly i8: Int8Array<B>;
  declare readonly u16: Uint16Array<B>;
  declare readonly i16: Int16Array<B>;
  declare readonly u32: Uint32Array<B>;
  declare readonly i32: Int32Array<B>;
  declare readonly f32: Float32Array<B>;
  declare readonly f64: Float64Array<B>;
  declare readonly i64: BigInt64Array<B>;
  declare readonly u64: BigUint64Array<B>;
  declare readonly dataView: DataView<B>;

  declare protected readonly views: HeapViews;

  protected constructor(buffer: B, views: HeapViews, options: HeapOptions, bare: Door) {
    const door = instrument(bare, views, options);
    this.malloc = door.malloc;
    this.tryMalloc = door.tryMalloc;
    this.free = door.free;
    this.realloc = door.realloc;
    this.options = Object.freeze(options);
    const bytes = options.capacity;
    setHidden(this, {
      buffer,
      u8: new Uint8Array(buffer, 0, bytes),
      i8: new Int8Array(buffer, 0, bytes),
      u16: new Uint16Array(buffer, 0, bytes >> 1),
      i16: new Int16Array(buffer, 0, bytes >> 1),
      u32: new Uint32Array(buffer, 0, bytes >> 2),
      i32: new Int32Array(buffer, 0, bytes >> 2),
      f32: new Float32Array(buffer, 0, bytes >> 2),
      f64: new Float64Array(buffer, 0, bytes >> 3),
      i64: new BigInt64Array(buffer, 0, bytes >> 3),
      u64: new BigUint64Array(buffer, 0, bytes >> 3),
      dataView: new DataView(buffer, 0, bytes),
      views,
    });
  }

  /**
   * Allocates as `malloc` does, and sets the first `size` bytes to 0. Costs a `malloc` and a fill
   * in proportion to `size`.
   * @throws {HeapError} as `malloc` does.
   */
  calloc(size: number): Ptr {
    const ptr = this.malloc(size);
    this.u8.fill(0, ptr, ptr + size);
    return ptr;
  }

  /**
   * Allocates at least `size` bytes at a multiple of `alignment` bytes, counted from the start of
   * the buffer. Costs a `malloc` and a search for a size class whose blocks are all aligned so; the
   * block may be larger than that of a `malloc`.
   * @throws {HeapError} as `malloc` does; ERR_INVALID_ALIGNMENT unless `alignment` is a power of
   * two from 1 to 65536.
   */
  alignedAlloc(alignment: number, size: number): Ptr {
    this.openViews();
    if (!Number.isInteger(alignment) || !isPowerOfTwo(alignment) || alignment > SLAB_BYTES) {
      const accepted = `a power of two from 1 to ${SLAB_BYTES}`;
      const message = `alignment is ${describe(alignment)}; it takes ${accepted}`;
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
   * Allocates `count` blocks of `size` bytes, and writes their ptrs into the first places of `out`.
   * It allocates all of them or none; if none, what it has written is 0 again. Costs one `malloc`
   * per block.
   * @throws {HeapError} as `malloc` does; ERR_INVALID_ARGUMENT if `out` is too short or not an
   * array, or if `count` is not an integer from 0.
   */
  mallocBatch(size: number, count: number, out: PtrArray): void {
    this.openViews();
    checkCount(count, out, true);
    mallocBatch(this, size, count, out);
  }

  /**
   * Frees the blocks that the first `count` places name: all of them or none. 0 is skipped. Costs
   * one check and one `free` per block.
   * @throws {HeapError} as `free` does, also for a ptr that is there twice; ERR_INVALID_ARGUMENT
   * unless `ptrs` is an array of at least `count` places and `count` is an integer from 0.
   */
  freeBatch(ptrs: PtrArray, count: number): void {
    checkCount(count, ptrs, false);
    freeBatch(this.openViews(), this, ptrs, count);
  }

  /**
   * Returns how many bytes of a live block may be used: at least what was asked for.
   * @throws {HeapError} as `free` does.
   */
  usableSize(ptr: Ptr): number {
    const { views } = this;
    return usableBytes(views, ptr, liveHeaderOf(views, ptr));
  }

  /**
   * Returns what a number is to this heap, by its header byte: the tier of a live block, or why it
   * is not one. It reads one byte for a live or freed block; for others it walks the slabs. No
   * value of `ptr` is an error.
   * @throws {HeapError} ERR_HEAP_DISPOSED
   */
  classify(ptr: number): PtrKind {
    const views = this.openViews();
    const isGranule = typeof ptr === "number" && (ptr & -GRANULE_BYTES) === ptr;
    const header = isGranule ? views.headers[ptr >>> GRANULE_SHIFT] : 0;
    return header > LIVE ? classTier(headerClass(header)) : classifyNotLive(views, ptr);
  }

  /**
   * Returns a view of the first `length` bytes of a live block; of all usable bytes by default. It
   * reaches no other block. It stays readable and writable after the block is freed. About 20 ns:
   * programs that need speed use `u8` and the other views with offsets.
   * @throws {HeapError} as `free` does; ERR_INVALID_ARGUMENT for a length beyond the block.
   */
  bytes(ptr: Ptr, length?: number): Uint8Array<B> {
    const usable = this.usableSize(ptr);
    const wanted = length ?? usable;
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > usable) {
      const message = `length is ${describe(length)}; it takes an integer from 0 to ${usable}`;
      throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: length, min: 0, max: usable });
    }
    return new Uint8Array(this.buffer, ptr, wanted);
  }

  /**
   * Walks all blocks in address order, free ones too. The heap must not change meanwhile. Takes
   * time in proportion to the carved blocks, and allocates an object for each.
   * @throws {HeapError} ERR_HEAP_DISPOSED
   */
  blocks(): Generator<BlockInfo, void, undefined> {
    return walkBlocks(this.openViews());
  }

  /**
   * Returns every cached block to its slab, and every empty slab to the arena. In a shared heap it
   * also sends the blocks of other workers, and collects those that were sent to this one. Takes
   * time in proportion to the cached blocks.
   * @throws {HeapError} ERR_HEAP_DISPOSED
   */
  drain(): void {
    drainCaches(this.openViews());
  }

  protected openViews(): HeapViews {
    if (this.views.gate[superblock.CLOSED] !== 0) throw closed(this.views);
    return this.views;
  }
}

/**
 * Gives a heap properties that nothing finds which prints or compares it: it would read all of the
 * memory. The functions of heaps can be found, so no two heaps are equal and none can be cloned.
 * Hidden later, V8 would take them for fields that change, and each use would take twice the time.
 */
export function setHidden(heap: object, values: Record<string, unknown>): void {
  for (const key in values) Object.defineProperty(heap, key, { value: values[key] });
}

/**
 * Returns whether a size class may hold a size. If none does, `malloc` allocates a span or refuses.
 */
function isClassSize(size: number): boolean {
  return Number.isInteger(size) && size >= 0 && size <= CLASS_MAX_BYTES;
}

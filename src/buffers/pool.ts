import { describe } from "../base/describe.js";
import { BufferError, NULL, type Ptr } from "../index.js";
import { Bytes } from "./bytes.js";
import { type BufferData, copySource, toSource } from "./data.js";
import { type ByteHeap, checkHeap } from "./heap.js";
import { LeakDetector, type LeakOptions } from "./leaks.js";
import { utf8Length, writeUtf8 } from "./utf8.js";

/** What a pool of buffers watches. A leak is only reported: see `BufferPool`. */
export type BufferPoolOptions = LeakOptions;

const SLAB_SHIFT = 16;
const SLAB_MASK = 65535;
/** An array of the same kind, for V8, as those that hold views. */
const NO_VIEWS: undefined[] = [undefined];

/**
 * A view that knows its ptr, its length and its pool. To ask a typed array for `byteOffset` or
 * `length` takes 17 or 7 ns in Node 20, several times what `malloc` takes. Fields of the class lie
 * in the object itself; properties that are added later take another cache line. Programs see a
 * plain `Uint8Array`, because the prototype is replaced.
 */
class KnownView<B extends ArrayBufferLike> extends Uint8Array<B> {
  readonly #ptr: number;
  readonly #size: number;
  #pool: object | undefined;

  constructor(buffer: B, ptr: number, size: number, pool: object) {
    super(buffer, ptr, size);
    this.#ptr = ptr;
    this.#size = size;
    this.#pool = pool;
  }

  /** Returns the ptr of a view of this pool, else 0. @throws {TypeError} for any other object */
  static ptrIn(view: unknown, pool: object): number {
    const known = view as KnownView<ArrayBufferLike>;
    return known.#pool === pool ? known.#ptr : 0;
  }

  static ptrOf(view: unknown): number {
    return (view as KnownView<ArrayBufferLike>).#ptr;
  }

  /** Another view took its place, so no pool can free it any more. */
  static disown(view: unknown): void {
    (view as KnownView<ArrayBufferLike>).#pool = undefined;
  }

  static sizeOf(view: unknown): number {
    return (view as KnownView<ArrayBufferLike>).#size;
  }
}

// Constants of the module: V8 does not look them up.
const ptrIn = KnownView.ptrIn;
const ptrOf = KnownView.ptrOf;
const sizeOf = KnownView.sizeOf;
const disown = KnownView.disown;

/**
 * Buffers of a heap as plain `Uint8Array`s, for code that calls `Buffer.allocUnsafe` today.
 * `view.byteOffset` is the ptr. The pool keeps the view of each block, so a block that is allocated
 * again with the same length allocates nothing on the JavaScript heap.
 *
 * A buffer is freed by hand. Code that uses it afterwards reads and writes the bytes of the block's
 * next holder; use `Bytes` where that can happen.
 *
 * With `leakDetection`, a buffer that the collector took before it was freed is reported. Its block
 * stays allocated, because a `subarray` may still show its bytes. A watched buffer is a new view
 * each time, and the pool does not keep it. A buffer that was freed by its ptr counts as leaked.
 */
export class BufferPool<
  B extends ArrayBufferLike = ArrayBufferLike,
  V extends Uint8Array<B> = Uint8Array<B>,
> {
  readonly heap: ByteHeap<B>;
  /** The views by slab and block. The blocks of a slab have one size, at least 2 ** shift bytes. */
  readonly #views: (V | undefined)[][];
  readonly #shifts: Uint8Array<ArrayBuffer>;
  /**
   * The view that was freed or made last. The block that was freed last is often allocated next,
   * and then its view need not be looked up. This view is never a disowned one, and each ptr has at
   * most one view that is not disowned.
   */
  #recent: V;
  /** The detector, unless nothing is watched. */
  readonly #leaks: LeakDetector | undefined;
  /** The watched views that are not freed, by ptr. Nothing else of the pool refers to them. */
  readonly #out: Map<Ptr, WeakRef<V>>;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(heap: ByteHeap<B>, options: BufferPoolOptions = {}) {
    checkHeap(heap);
    const leaks = new LeakDetector(options?.leakDetection, options?.onLeak);
    const slabs = heap.u8.length >>> SLAB_SHIFT;
    this.heap = heap;
    this.#views = Array.from({ length: slabs }, () => NO_VIEWS);
    this.#shifts = new Uint8Array(slabs).fill(SLAB_SHIFT);
    this.#recent = this.#makeView(NULL, 0);
    this.#leaks = leaks.isWatching ? leaks : undefined;
    this.#out = new Map();
  }

  /**
   * Returns a buffer of `size` bytes of any content. It takes about 3 ns if the block was freed
   * last, 7 ns if it has a view of this length (25 ns if that is in no cache), else 100 ns.
   * @throws {HeapError} ERR_INVALID_SIZE, ERR_HEAP_EXHAUSTED
   */
  allocUnsafe(size: number): V {
    const ptr = this.heap.malloc(size);
    if (this.#leaks !== undefined && this.#isNext(ptr)) return this.#watch(ptr, size);
    const recent = this.#recent;
    if (ptrOf(recent) === ptr && sizeOf(recent) === size) return recent;
    const slab = ptr >>> SLAB_SHIFT;
    const views = this.#views[slab] as (V | undefined)[];
    const view = views[(ptr & SLAB_MASK) >>> this.#shifts[slab]];
    if (view !== undefined && ptrOf(view) === ptr && sizeOf(view) === size) return view;
    return this.#register(ptr, size);
  }

  /** Returns a buffer of `size` bytes that are 0. @throws what `allocUnsafe` throws */
  alloc(size: number): V {
    const view = this.allocUnsafe(size);
    view.fill(0);
    return view;
  }

  /**
   * Returns a buffer with a copy of `data`; a string is written as UTF-8.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; no memory is kept
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  from(data: BufferData | Bytes): V {
    if (typeof data === "string") {
      const view = this.allocUnsafe(utf8Length(data));
      writeUtf8(data, view, 0);
      return view;
    }
    if (data instanceof Bytes) return this.from(data.toUnshared());
    const source = toSource(data);
    const view = this.allocUnsafe(source.length);
    try {
      copySource(source, view, 0);
    } catch (error) {
      this.free(view);
      throw error;
    }
    return view;
  }

  /**
   * Frees a buffer. It takes about 3 ns.
   * @throws {BufferError} ERR_NOT_OWNED if it is not, or no longer, a buffer of this pool
   * @throws {HeapError} ERR_DOUBLE_FREE, or ERR_INVALID_POINTER if its slab was returned
   */
  free(view: V): void {
    this.heap.free(this.checkOwned(view));
    if (this.#leaks !== undefined && this.#forget(ptrOf(view) as Ptr)) return;
    this.#recent = view;
  }

  /** @internal Returns the ptr of a buffer of this pool. @throws {BufferError} ERR_NOT_OWNED */
  checkOwned(view: V): Ptr {
    let ptr = 0;
    try {
      ptr = ptrIn(view, this);
    } catch {
      throw notOwned(view);
    }
    if (ptr === 0) throw notOwned(view);
    return ptr as Ptr;
  }

  /**
   * Returns a buffer over a live block that was allocated elsewhere, for example by another worker
   * of a shared heap. From now on this pool frees it.
   * @throws {HeapError} ERR_INVALID_POINTER, ERR_DOUBLE_FREE if the block is not live
   * @throws {BufferError} ERR_OUT_OF_RANGE if it is smaller
   */
  adopt(ptr: Ptr, size: number): V {
    const usable = this.heap.usableSize(ptr);
    if (ptr === NULL || !Number.isInteger(size) || size < 0 || size > usable) {
      const block = `the block at ${describe(ptr)}`;
      const message = `size is ${describe(size)}; ${block} has ${usable} bytes`;
      throw new BufferError("ERR_OUT_OF_RANGE", message, { ptr, got: size, most: usable });
    }
    return this.#leaks !== undefined && this.#isNext(ptr)
      ? this.#watch(ptr, size)
      : this.#register(ptr, size);
  }

  /** The prototype of the views that this pool makes. The constructor reads it too. */
  protected get prototype(): Uint8Array {
    return Uint8Array.prototype;
  }

  #register(ptr: Ptr, size: number): V {
    const slab = ptr >>> SLAB_SHIFT;
    const blockBytes = this.heap.usableSize(ptr);
    const shift = Math.min(SLAB_SHIFT, 31 - Math.clz32(blockBytes));
    let views = this.#views[slab] as (V | undefined)[];
    // The slab has no views, or they were made when it belonged to another class.
    if (views === NO_VIEWS || this.#shifts[slab] !== shift) {
      views = moveViews(views, shift, blockBytes);
      this.#views[slab] = views;
      this.#shifts[slab] = shift;
    }
    const view = this.#makeView(ptr, size);
    const index = (ptr & SLAB_MASK) >>> shift;
    const before = views[index];
    if (before !== undefined) disown(before);
    views[index] = view;
    this.#recent = view;
    return view;
  }

  /** Returns whether to watch the next buffer. What was out at this ptr was freed by its ptr. */
  #isNext(ptr: Ptr): boolean {
    this.#forget(ptr);
    return this.#leaks?.isNext() === true;
  }

  /** Returns a view that the pool does not keep, so that the collector can take it. */
  #watch(ptr: Ptr, size: number): V {
    const view = this.#register(ptr, size);
    const slab = ptr >>> SLAB_SHIFT;
    const views = this.#views[slab] as (V | undefined)[];
    views[(ptr & SLAB_MASK) >>> this.#shifts[slab]] = undefined;
    this.#recent = this.#makeView(NULL, 0);
    this.#out.set(ptr, new WeakRef(view));
    this.#leaks?.hold(view, size);
    return view;
  }

  /** Ends the watch over the buffer at a ptr. Returns whether there was one. */
  #forget(ptr: Ptr): boolean {
    const out = this.#out.get(ptr);
    if (out === undefined) return false;
    const view = out.deref();
    this.#out.delete(ptr);
    if (view === undefined) return true;
    disown(view);
    this.#leaks?.forget(view);
    return true;
  }

  #makeView(ptr: number, size: number): V {
    const view = new KnownView(this.heap.buffer, ptr, size, this);
    Object.setPrototypeOf(view, this.prototype);
    return view as unknown as V;
  }
}

/**
 * Returns places for the views of a slab whose blocks now have this size. An old view stays if a
 * block begins where it lies, because a view that was adopted, which may be shorter than its block,
 * may be in use.
 */
function moveViews<V>(
  old: readonly (V | undefined)[],
  shift: number,
  blockBytes: number,
): (V | undefined)[] {
  const length = (SLAB_MASK >>> shift) + 1;
  const views: (V | undefined)[] = Array.from({ length }, () => undefined);
  for (const view of old) {
    if (view === undefined) continue;
    const at = ptrOf(view) & SLAB_MASK;
    if (at % blockBytes === 0) views[at >>> shift] = view;
    else disown(view);
  }
  return views;
}

function notOwned(view: unknown): BufferError {
  const message = ArrayBuffer.isView(view)
    ? `the view at ${view.byteOffset} of ${view.byteLength} bytes is no buffer of this pool; ` +
      "it takes the very object that alloc, from or adopt returned, and takes it once"
    : `${describe(view)} is no buffer of this pool`;
  return new BufferError("ERR_NOT_OWNED", message);
}

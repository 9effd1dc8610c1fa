import { describe } from "../base/describe.js";
import { BufferError, NULL, type Ptr } from "../index.js";
import { type BufferData, copySource, toSource } from "./data.js";
import { type ByteHeap, checkHeap } from "./heap.js";
import { utf8Length, writeUtf8 } from "./utf8.js";

const SLAB_SHIFT = 16;
const SLAB_MASK = 65535;
/** Of the same kind of array, for V8, as those that hold views. */
const NO_VIEWS: undefined[] = [undefined];

/**
 * A view that knows its ptr, its length and its pool. `byteOffset` and `length` of a typed array
 * are calls of 17 and 7 ns in Node 20, several times what `malloc` takes; and what V8 lays out with
 * an object costs no cache line of its own, as a property that is added later does. For programs it
 * has another prototype, and is a plain `Uint8Array`.
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

  /** The ptr of a view that is this pool's, or 0. @throws TypeError for what is no such view. */
  static ptrIn(view: unknown, pool: object): number {
    const known = view as KnownView<ArrayBufferLike>;
    return known.#pool === pool ? known.#ptr : 0;
  }

  static ptrOf(view: unknown): number {
    return (view as KnownView<ArrayBufferLike>).#ptr;
  }

  /** Another view took its place: it is nobody's to free. */
  static disown(view: unknown): void {
    (view as KnownView<ArrayBufferLike>).#pool = undefined;
  }

  static sizeOf(view: unknown): number {
    return (view as KnownView<ArrayBufferLike>).#size;
  }
}

// Constants of the module, which V8 need not look up.
const ptrIn = KnownView.ptrIn;
const ptrOf = KnownView.ptrOf;
const sizeOf = KnownView.sizeOf;
const disown = KnownView.disown;

/**
 * Buffers of a heap as plain `Uint8Array`s, in the shape of code that calls `Buffer.allocUnsafe`;
 * `view.byteOffset` is the ptr. Each block keeps its view, so a block that is allocated again with
 * the same length allocates nothing on the JavaScript heap.
 *
 * A buffer is freed by hand. Who goes on using it after that sees, and writes, what the next holder
 * of the block has: use `Bytes` where that cannot be ruled out.
 */
export class BufferPool<
  B extends ArrayBufferLike = ArrayBufferLike,
  V extends Uint8Array<B> = Uint8Array<B>,
> {
  readonly heap: ByteHeap<B>;
  /** The views of each slab's blocks, which all have one size of 2 ** shift bytes or more. */
  private readonly views: (V | undefined)[][];
  private readonly shifts: Uint8Array<ArrayBuffer>;
  /**
   * The view that was freed or made last: the block that was freed last is often the next that is
   * allocated, and its view need not be looked up then. It is never one that was disowned, and a
   * ptr has at most one that was not.
   */
  private recent: V;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(heap: ByteHeap<B>) {
    checkHeap(heap);
    const slabs = heap.u8.length >>> SLAB_SHIFT;
    this.heap = heap;
    this.views = Array.from({ length: slabs }, () => NO_VIEWS);
    this.shifts = new Uint8Array(slabs).fill(SLAB_SHIFT);
    this.recent = this.makeView(NULL, 0);
  }

  /**
   * A buffer of `size` bytes, its contents undefined. About 3 ns where the block was freed last, 7
   * where it has a view of this length (25 where the caches are cold), else 100.
   * @throws {HeapError} ERR_INVALID_SIZE, ERR_HEAP_EXHAUSTED
   */
  allocUnsafe(size: number): V {
    const ptr = this.heap.malloc(size);
    const { recent } = this;
    if (ptrOf(recent) === ptr && sizeOf(recent) === size) return recent;
    const slab = ptr >>> SLAB_SHIFT;
    const views = this.views[slab] as (V | undefined)[];
    const view = views[(ptr & SLAB_MASK) >>> this.shifts[slab]];
    if (view !== undefined && ptrOf(view) === ptr && sizeOf(view) === size) return view;
    return this.register(ptr, size);
  }

  /** As `allocUnsafe`, with all bytes 0. */
  alloc(size: number): V {
    const view = this.allocUnsafe(size);
    view.fill(0);
    return view;
  }

  /**
   * A buffer that holds a copy of `data`; a string as UTF-8.
   * @throws {BufferError} ERR_INVALID_ARGUMENT; no memory is kept then.
   */
  from(data: BufferData): V {
    if (typeof data === "string") {
      const view = this.allocUnsafe(utf8Length(data));
      writeUtf8(data, view, 0);
      return view;
    }
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
   * Gives a buffer back to the heap. About 3 ns.
   * @throws {BufferError} ERR_NOT_OWNED when it is not, or no longer, a buffer of this pool.
   * @throws {HeapError} ERR_DOUBLE_FREE, or ERR_INVALID_POINTER where its slab was given back.
   */
  free(view: V): void {
    let ptr = 0;
    try {
      ptr = ptrIn(view, this);
    } catch {
      throw notOwned(view);
    }
    if (ptr === 0) throw notOwned(view);
    this.heap.free(ptr as Ptr);
    this.recent = view;
  }

  /**
   * A buffer over a live block that was allocated elsewhere, such as by another worker of a shared
   * heap. It is this pool's to free from now on.
   * @throws {HeapError} ERR_INVALID_POINTER, ERR_DOUBLE_FREE when the block is not live.
   * @throws {BufferError} ERR_OUT_OF_RANGE when it is smaller.
   */
  adopt(ptr: Ptr, size: number): V {
    const usable = this.heap.usableSize(ptr);
    if (ptr === NULL || !Number.isInteger(size) || size < 0 || size > usable) {
      const block = `the block at ${describe(ptr)}`;
      const message = `size is ${describe(size)}; ${block} has ${usable} bytes`;
      throw new BufferError("ERR_OUT_OF_RANGE", message, { ptr, got: size, most: usable });
    }
    return this.register(ptr, size);
  }

  /** The prototype of the views that this pool gives. The constructor asks for it too. */
  protected get prototype(): Uint8Array {
    return Uint8Array.prototype;
  }

  private register(ptr: Ptr, size: number): V {
    const slab = ptr >>> SLAB_SHIFT;
    const blockBytes = this.heap.usableSize(ptr);
    const shift = Math.min(SLAB_SHIFT, 31 - Math.clz32(blockBytes));
    let views = this.views[slab] as (V | undefined)[];
    // The slab was another class's when its views were made, or has none.
    if (views === NO_VIEWS || this.shifts[slab] !== shift) {
      views = moveViews(views, shift, blockBytes);
      this.views[slab] = views;
      this.shifts[slab] = shift;
    }
    const view = this.makeView(ptr, size);
    const index = (ptr & SLAB_MASK) >>> shift;
    const before = views[index];
    if (before !== undefined) disown(before);
    views[index] = view;
    this.recent = view;
    return view;
  }

  private makeView(ptr: number, size: number): V {
    const view = new KnownView(this.heap.buffer, ptr, size, this);
    Object.setPrototypeOf(view, this.prototype);
    return view as unknown as V;
  }
}

/**
 * Places for the views of a slab's blocks, which have one size now. Of the old views those stay
 * that lie where such a block begins: a view that was adopted, shorter than its block, may have
 * been given out since.
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
    ? `the view at ${view.byteOffset}, of ${view.byteLength} bytes, is no buffer of this pool; ` +
      "it takes the very object that alloc, from or adopt returned, once"
    : `${describe(view)} is no buffer of this pool`;
  return new BufferError("ERR_NOT_OWNED", message);
}

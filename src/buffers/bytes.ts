import { describe } from "../base/describe.js";
import { BufferError, NULL, type Ptr } from "../index.js";
import { Block, type Part } from "./block.js";
import {
  type Chain,
  cutChain,
  findIndex,
  holdChain,
  joinAll,
  Leaf,
  leaveChain,
  listParts,
  takeLeaf,
  visitParts,
} from "./chain.js";
import { Content, type See } from "./content.js";
import {
  checkRange,
  clamp,
  detached,
  frozen,
  invalid,
  outOfRange,
  released,
  toPosition,
} from "./errors.js";
import type { ByteHeap } from "./heap.js";
import { type Held, Origin } from "./leaks.js";

/* What this package reads of a handle. The class gives it out, and programs cannot reach it. */
export let isBytes: (value: unknown) => value is Bytes;
let readHeap: <B extends ArrayBufferLike>(bytes: Bytes<B>) => ByteHeap<B>;
let readStart: (bytes: Bytes) => number;
let readParts: <B extends ArrayBufferLike>(bytes: Bytes<B>) => readonly Part<B>[];

/**
 * A slice of bytes with a count of references, in one block of a heap or in several (a chain).
 * `slice`, `split` and `concat` share blocks and copy nothing. Whoever holds a handle releases it,
 * and a block is freed with the last handle that shares it. A released handle throws ERR_RELEASED,
 * except from `refCount`, `isReleased`, `isFrozen` and what prints it.
 *
 * A `BytesPool` makes them. The collector takes the handle, which is an object, but only `release`
 * gives the bytes back to the heap. A chain of n blocks is joined, cut and searched for a position
 * in O(log n).
 */
export class Bytes<B extends ArrayBufferLike = ArrayBufferLike> extends Content {
  // Fields with initializers, symbols as names, or one object of state take twice the time.
  readonly #origin: Origin<B>;
  /** The block of bytes in one piece; undefined for a chain, and for no bytes. */
  #block: Block<B> | undefined;
  #chain: Chain<B> | undefined;
  #start: number;
  #size: number;
  #references: number;
  #isFrozen: boolean;
  readonly #held: Held | undefined;

  /** @internal Takes over one holder of the block or of the chain. */
  constructor(
    origin: Origin<B>,
    block: Block<B> | undefined,
    start: number,
    size: number,
    chain: Chain<B> | undefined,
    isFrozen: boolean,
  ) {
    super();
    if (!(origin instanceof Origin)) throw invalid("pool", origin, "a BytesPool to make Bytes");
    this.#origin = origin;
    this.#block = block;
    this.#chain = chain;
    this.#start = start;
    this.#size = size;
    this.#references = 1;
    this.#isFrozen = isFrozen;
    this.#held = origin.isWatching ? origin.leaks.watch(this, size, block, chain) : undefined;
  }

  static {
    isBytes = (value): value is Bytes =>
      typeof value === "object" && value !== null && #origin in value;
    readHeap = (bytes) => bytes.#origin.heap;
    readStart = (bytes) => {
      if (bytes.#references === 0) throw released();
      return bytes.#chain === undefined ? bytes.#start : -1;
    };
    readParts = (bytes) => {
      if (bytes.#references === 0) throw released();
      if (bytes.#chain !== undefined) return listParts(bytes.#chain);
      const block = bytes.#block;
      if (block === undefined) return [];
      return [{ block, start: bytes.#start, length: bytes.#size, at: 0 }];
    };
  }

  /** How many bytes there are. */
  override get length(): number {
    if (this.#references === 0) throw released();
    return this.#size;
  }

  /** How many times `release` is still to be called; 0 after that. */
  get refCount(): number {
    return this.#references;
  }

  /** Whether the last reference was released. */
  override get isReleased(): boolean {
    // The prototype, which programs may print, has none.
    return !(#references in this) || this.#references === 0;
  }

  /** Whether the bytes can only be read. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /**
   * Returns the byte at a position; a negative one counts from the end.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  override at(index: number): number {
    const byte = this.#origin.heap.u8[Bytes.#find(this, index)];
    if (byte === undefined) throw detached();
    return byte;
  }

  /**
   * Writes the byte at a position; a negative one counts from the end.
   * @throws {BufferError} ERR_OUT_OF_RANGE for a position, or for a value that is no byte;
   * ERR_FROZEN
   */
  set(index: number, byte: number): void {
    if (this.#references === 0) throw released();
    if (this.#isFrozen) throw frozen();
    checkRange("byte", byte, 0, 255);
    this.#origin.heap.u8[Bytes.#find(this, index)] = byte;
  }

  /**
   * Returns the bytes from `start` to `end` as a handle of its own, which shares the blocks and is
   * released separately. Negative positions count from the end. Nothing is copied.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  slice(start: number = 0, end: number = this.#size): Bytes<B> {
    if (this.#references === 0) throw released();
    const size = this.#size;
    const last = toPosition("end", end, size);
    const first = toPosition("start", start, size);
    if (first > last) throw outOfRange("start", start, 0, last);
    return Bytes.#cut(this, first, last);
  }

  /**
   * Does what `slice` does, but takes any numbers, as arrays do: they are cut to what there is.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for a position that is no number
   */
  subarray(start: number = 0, end: number = this.#size): Bytes<B> {
    if (this.#references === 0) throw released();
    const first = clamp("start", start, this.#size);
    return Bytes.#cut(this, first, Math.max(first, clamp("end", end, this.#size)));
  }

  /**
   * Takes the first `at` bytes out of this handle and returns them as a handle of their own, which
   * is released separately. This handle keeps the rest. Nothing is copied.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  split(at: number): Bytes<B> {
    if (this.#references === 0) throw released();
    const size = this.#size;
    checkRange("at", at, 0, size);
    const head = Bytes.#cut(this, 0, at);
    const block = this.#block;
    const chain = this.#chain;
    this.#size = size - at;
    if (chain !== undefined) {
      const rest = at === size ? undefined : cutChain(chain, at, size);
      leaveChain(chain);
      Bytes.#hold(this, rest);
    } else if (at < size) {
      this.#start += at;
    } else if (block !== undefined) {
      Bytes.#hold(this, undefined);
      block.leave();
    }
    return head;
  }

  /**
   * Returns a chain of this handle and the others, in order. It shares their blocks and is released
   * separately. It is frozen if one of them is.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for an argument that is no `Bytes` of this heap
   */
  concat(...others: Bytes<B>[]): Bytes<B> {
    if (this.#references === 0) throw released();
    let isFrozen = this.#isFrozen;
    for (const bytes of others) {
      if (!isBytes(bytes) || readHeap(bytes).buffer !== this.#origin.heap.buffer) {
        throw invalid("concat", bytes, "Bytes of one heap");
      }
      if (bytes.#references === 0) throw released();
      isFrozen ||= bytes.#isFrozen;
    }
    const chains: Chain<B>[] = [];
    for (const bytes of [this, ...others]) {
      const chain = bytes.#chain;
      if (chain !== undefined) chains.push(holdChain(chain));
      else if (bytes.#size > 0) {
        chains.push(new Leaf(bytes.#block as Block<B>, bytes.#start, bytes.#size));
      }
    }
    return ofChains(this.#origin, chains, isFrozen);
  }

  /** Adds one reference, so that one more `release` is needed. */
  retain(): this {
    if (this.#references === 0) throw released();
    this.#references++;
    return this;
  }

  /** Removes one reference. With the last one, blocks that no other handle shares are freed. */
  release(): void {
    if (this.#references === 0) throw released();
    this.#references--;
    if (this.#references > 0) return;
    if (this.#held !== undefined) this.#origin.leaks.forget(this);
    const chain = this.#chain;
    if (chain === undefined) {
      this.#block?.leave();
    } else {
      this.#chain = undefined;
      leaveChain(chain);
    }
  }

  /** Removes one reference, unless all are removed. */
  [Symbol.dispose](): void {
    if (this.#references > 0) this.release();
  }

  /** Forbids what writes, and `view`, on this handle and on those made from it afterwards. */
  freeze(): this {
    if (this.#references === 0) throw released();
    this.#isFrozen = true;
    return this;
  }

  /**
   * Returns the bytes as a view of the heap, without a copy. The view is valid until the release.
   * @throws {BufferError} ERR_NOT_CONTIGUOUS for a chain (see `compact` and `chunks`); ERR_FROZEN
   */
  view(): Uint8Array<B> {
    if (this.#references === 0) throw released();
    if (this.#isFrozen) throw frozen();
    const { heap } = this.#origin;
    if (this.#chain === undefined) return viewOf(heap, this.#start, this.#size);
    const parts = readParts(this).length;
    const message = `a chain of ${parts} parts has no one view; compact() copies it`;
    throw new BufferError("ERR_NOT_CONTIGUOUS", message, { parts });
  }

  /** Yields a view of each part, in order. The views may only be read. */
  *chunks(): Generator<Uint8Array<B>, void, undefined> {
    const { heap } = this.#origin;
    for (const { start, length } of readParts(this)) {
      if (this.#references === 0) throw released();
      yield viewOf(heap, start, length);
    }
  }

  /**
   * Returns a copy in one block, which is not frozen and is released separately.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  compact(): Bytes<B> {
    if (this.#references === 0) throw released();
    const { heap } = this.#origin;
    const size = this.#size;
    const ptr = heap.malloc(size);
    this.visit(0, size, (u8, start, length, at) => {
      u8.copyWithin(ptr + at, start, start + length);
      return true;
    });
    return new Bytes(this.#origin, new Block(heap, ptr, 1), ptr, size, undefined, false);
  }

  /**
   * Gives the block away, for example to another worker, which takes it with `BytesPool.adopt` or
   * frees it by its ptr. It releases this handle.
   * @throws {BufferError} ERR_NOT_OWNED unless this is the only handle of the block, has one
   * reference, and begins at the block's first byte
   */
  handOff(): { readonly ptr: Ptr; readonly length: number } {
    if (this.#references === 0) throw released();
    const block = this.#block;
    const isSole = block?.holders === 1 && this.#references === 1;
    if (block === undefined || !isSole || this.#start !== block.ptr) {
      const message = "handOff takes the only handle of a block, which begins at its first byte";
      throw new BufferError("ERR_NOT_OWNED", message);
    }
    const { ptr } = block;
    block.ptr = NULL;
    this.release();
    return { ptr, length: this.#size };
  }

  /** @internal */
  override visit(start: number, end: number, see: See): void {
    checkRange("end", end, 0, this.length);
    checkRange("start", start, 0, end);
    if (typeof see !== "function") throw invalid("see", see, "a function");
    if (start === end) return;
    const { u8 } = this.#origin.heap;
    if (u8.length === 0) throw detached();
    const chain = this.#chain;
    if (chain === undefined) see(u8, this.#start + start, end - start, start);
    else visitParts(chain, start, end, (_block, from, length, at) => see(u8, from, length, at));
  }

  /** Returns the index in the heap of a position. */
  static #find(bytes: Bytes, index: number): number {
    if (bytes.#references === 0) throw released();
    const size = bytes.#size;
    if (!Number.isInteger(index) || index < -size || index >= size) {
      const message = `index is ${describe(index)}; there are ${size} bytes`;
      throw new BufferError("ERR_OUT_OF_RANGE", message, { got: index, length: size });
    }
    const position = index < 0 ? index + size : index;
    const chain = bytes.#chain;
    return chain === undefined ? bytes.#start + position : findIndex(chain, position);
  }

  /** Returns the bytes between two positions, which must lie in them, as another handle. */
  static #cut<B extends ArrayBufferLike>(bytes: Bytes<B>, start: number, end: number): Bytes<B> {
    const origin = bytes.#origin;
    const isFrozen = bytes.#isFrozen;
    if (start === end) return new Bytes(origin, undefined, 0, 0, undefined, isFrozen);
    const chain = bytes.#chain;
    if (chain !== undefined) return ofChain(origin, cutChain(chain, start, end), isFrozen);
    const block = bytes.#block as Block<B>;
    block.holders++;
    return new Bytes(origin, block, bytes.#start + start, end - start, undefined, isFrozen);
  }

  /** Changes what a handle holds. */
  static #hold<B extends ArrayBufferLike>(bytes: Bytes<B>, chain: Chain<B> | undefined): void {
    const leaf = chain instanceof Leaf ? takeLeaf(chain) : undefined;
    bytes.#block = leaf?.block;
    bytes.#start = leaf?.start ?? 0;
    bytes.#chain = leaf === undefined ? chain : undefined;
    const held = bytes.#held;
    if (held === undefined) return;
    held.block = bytes.#block;
    held.chain = bytes.#chain;
  }
}

function ofChain<B extends ArrayBufferLike>(
  origin: Origin<B>,
  chain: Chain<B>,
  isFrozen: boolean,
): Bytes<B> {
  if (!(chain instanceof Leaf))
    return new Bytes(origin, undefined, 0, chain.length, chain, isFrozen);
  const { block, start, length } = takeLeaf(chain);
  return new Bytes(origin, block, start, length, undefined, isFrozen);
}

/** Returns bytes of these chains in order, which it takes over. */
export function ofChains<B extends ArrayBufferLike>(
  origin: Origin<B>,
  chains: readonly Chain<B>[],
  isFrozen: boolean,
): Bytes<B> {
  if (chains.length > 0) return ofChain(origin, joinAll(chains), isFrozen);
  return new Bytes(origin, undefined, 0, 0, undefined, isFrozen);
}

function viewOf<B extends ArrayBufferLike>(
  heap: ByteHeap<B>,
  start: number,
  length: number,
): Uint8Array<B> {
  try {
    return new Uint8Array(heap.buffer, start, length);
  } catch {
    throw detached();
  }
}

/** Returns the heap of bytes, also of released ones. */
export const heapOf: typeof readHeap = readHeap;
/** Returns the index in the heap of bytes in one piece; -1 for a chain. */
export const startOf: typeof readStart = readStart;
/** Returns the parts in order. */
export const partsOf: typeof readParts = readParts;

import { describe } from "../base/describe.js";
import { BufferError, NULL, type Ptr } from "../index.js";
import { Block, cutParts, hold, leave, lengthOf, type Part, viewPart } from "./block.js";
import { checkBytes, toByteArray } from "./data.js";
import { checkRange } from "./errors.js";
import type { ByteHeap } from "./heap.js";
import type { LeakDetector } from "./leaks.js";
import { readUtf8 } from "./utf8.js";

/**
 * A slice of bytes with a count of references, in one block of a heap or in several (a chain).
 * `slice`, `split` and `concat` share blocks and copy nothing. Whoever holds a handle releases it,
 * and a block is freed with the last handle that shares it. A released handle throws ERR_RELEASED,
 * except from `refCount`, `isReleased` and `isFrozen`.
 *
 * A `BytesPool` makes them. The collector takes the handle, which is an object, but only `release`
 * gives the bytes back to the heap.
 */
export class Bytes<B extends ArrayBufferLike = ArrayBufferLike> {
  /** @internal */
  readonly heap: ByteHeap<B>;
  /** @internal */
  readonly leaks: LeakDetector;
  private readonly held: Part<B>[];
  private size: number;
  private references: number;
  private frozen: boolean;
  private readonly watched: boolean;

  /** @internal Holds the parts from now on. */
  constructor(heap: ByteHeap<B>, leaks: LeakDetector, parts: Part<B>[], isFrozen: boolean = false) {
    hold(parts);
    this.heap = heap;
    this.leaks = leaks;
    this.held = parts;
    this.size = lengthOf(parts);
    this.references = 1;
    this.frozen = isFrozen;
    this.watched = leaks.isNext();
    if (this.watched) leaks.watch(this, this.size, () => leave(parts));
  }

  /** How many bytes there are. */
  get length(): number {
    this.check();
    return this.size;
  }

  /** How many times `release` is still to be called; 0 after that. */
  get refCount(): number {
    return this.references;
  }

  /** Whether the last reference was released. */
  get isReleased(): boolean {
    return this.references === 0;
  }

  /** Whether the bytes can only be read. */
  get isFrozen(): boolean {
    return this.frozen;
  }

  /** @internal The parts in order, for the readers and writers of this package. */
  get parts(): readonly Part<B>[] {
    this.check();
    return this.held;
  }

  /** Returns the byte at a position. @throws {BufferError} ERR_OUT_OF_RANGE */
  at(index: number): number {
    return this.heap.u8[this.locate(index)];
  }

  /**
   * Writes the byte at a position.
   * @throws {BufferError} ERR_OUT_OF_RANGE for a position, or for a value that is no byte;
   * ERR_FROZEN
   */
  set(index: number, byte: number): void {
    this.checkWritable();
    checkRange("byte", byte, 0, 255);
    this.heap.u8[this.locate(index)] = byte;
  }

  /**
   * Copies `bytes`, the first to the position `at`.
   * @throws {BufferError} ERR_OUT_OF_RANGE if they do not fit; ERR_FROZEN; ERR_INVALID_ARGUMENT
   */
  write(bytes: Uint8Array, at: number = 0): void {
    this.checkWritable();
    let source = toByteArray(checkBytes("bytes", bytes));
    checkRoom("at", at, source.length, this.size);
    const parts = cutParts(this.held, at, at + source.length);
    // Writing to one part may change the bytes that are read for the next one.
    if (parts.length > 1 && source.buffer === this.heap.buffer) source = new Uint8Array(source);
    let done = 0;
    for (const { start, length } of parts) {
      this.heap.u8.set(source.subarray(done, done + length), start);
      done += length;
    }
  }

  /**
   * Returns the bytes from `start` to `end` as a handle of its own, which shares the blocks and is
   * released separately. Nothing is copied.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  slice(start: number = 0, end: number = this.size): Bytes<B> {
    this.check();
    checkRange("end", end, 0, this.size);
    checkRange("start", start, 0, end);
    return this.derive(cutParts(this.held, start, end));
  }

  /**
   * Takes the first `at` bytes out of this handle and returns them as a handle of their own, which
   * is released separately. This handle keeps the rest. Nothing is copied.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  split(at: number): Bytes<B> {
    this.check();
    checkRange("at", at, 0, this.size);
    const rest = cutParts(this.held, at, this.size);
    const head = this.derive(cutParts(this.held, 0, at));
    hold(rest);
    leave(this.held);
    this.held.splice(0, this.held.length, ...rest);
    this.size -= at;
    return head;
  }

  /**
   * Returns a chain of this handle and the others, in order. It shares their blocks and is released
   * separately. It is frozen if one of them is.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for an argument that is no `Bytes` of this heap
   */
  concat(...others: Bytes<B>[]): Bytes<B> {
    const all = [this, ...others];
    const parts: Part<B>[] = [];
    for (const bytes of all) {
      if (!(bytes instanceof Bytes) || bytes.heap.buffer !== this.heap.buffer) {
        const message = "concat takes Bytes of one heap";
        throw new BufferError("ERR_INVALID_ARGUMENT", message, { got: bytes });
      }
      bytes.check();
      for (const part of bytes.held) if (part.length > 0) parts.push(part);
    }
    const isFrozen = all.some((bytes) => bytes.frozen);
    return new Bytes(this.heap, this.leaks, parts, isFrozen);
  }

  /** Adds one reference, so that one more `release` is needed. */
  retain(): this {
    this.check();
    this.references++;
    return this;
  }

  /** Removes one reference. With the last one, blocks that no other handle shares are freed. */
  release(): void {
    this.check();
    this.references--;
    if (this.references > 0) return;
    if (this.watched) this.leaks.forget(this);
    this.size = 0;
    leave(this.held.splice(0));
  }

  /** Removes one reference, unless all are removed. */
  [Symbol.dispose](): void {
    if (this.references > 0) this.release();
  }

  /** Forbids `set`, `write` and `view` on this handle and on those made from it afterwards. */
  freeze(): this {
    this.check();
    this.frozen = true;
    return this;
  }

  /**
   * Returns the bytes as a view of the heap, without a copy. The view is valid until the release.
   * @throws {BufferError} ERR_NOT_CONTIGUOUS for a chain (see `compact` and `chunks`); ERR_FROZEN
   */
  view(): Uint8Array<B> {
    this.checkWritable();
    if (this.held.length > 1) {
      const message = `a chain of ${this.held.length} parts has no one view; compact() copies it`;
      throw new BufferError("ERR_NOT_CONTIGUOUS", message, { parts: this.held.length });
    }
    const [part] = this.held;
    return part === undefined ? this.heap.u8.subarray(0, 0) : viewPart(part);
  }

  /** Yields a view of each part, in order. The views may only be read. */
  *chunks(): Generator<Uint8Array<B>, void, undefined> {
    this.check();
    for (const part of [...this.held]) {
      this.check();
      yield viewPart(part);
    }
  }

  /**
   * Returns a copy in one block, which is not frozen and is released separately.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  compact(): Bytes<B> {
    this.check();
    const ptr = this.heap.malloc(this.size);
    let at: number = ptr;
    for (const { start, length } of this.held) {
      this.heap.u8.copyWithin(at, start, start + length);
      at += length;
    }
    const part = { block: new Block(this.heap, ptr), start: ptr, length: this.size };
    return new Bytes(this.heap, this.leaks, [part]);
  }

  /**
   * Copies the bytes from `start` to `end` into `target`, at its index `at`. Returns how many
   * bytes.
   * @throws {BufferError} ERR_OUT_OF_RANGE if they do not fit; ERR_INVALID_ARGUMENT
   */
  copyTo(target: Uint8Array, at: number = 0, start: number = 0, end: number = this.size): number {
    this.check();
    checkBytes("target", target);
    checkRange("end", end, 0, this.size);
    checkRange("start", start, 0, end);
    checkRoom("at", at, end - start, target.length);
    let to = at;
    for (const part of cutParts(this.held, start, end)) {
      target.set(viewPart(part), to);
      to += part.length;
    }
    return end - start;
  }

  /**
   * Returns a copy on the JavaScript heap, for functions that refuse views of shared memory:
   * `crypto.subtle`, bodies of responses, `WebSocket.send`, streams of bytes, and `postMessage` of
   * a part.
   */
  toUnshared(): Uint8Array<ArrayBuffer> {
    this.check();
    const copy = new Uint8Array(this.size);
    this.copyTo(copy);
    return copy;
  }

  /** Returns the bytes read as UTF-8. Malformed bytes become U+FFFD. */
  toString(): string {
    this.check();
    const [part] = this.held;
    if (this.held.length > 1) return readUtf8(this.toUnshared(), 0, this.size);
    if (part === undefined) return "";
    return readUtf8(this.heap.u8, part.start, part.start + part.length);
  }

  /** Returns whether `other` has the same bytes. @throws {BufferError} ERR_INVALID_ARGUMENT */
  equals(other: Bytes | Uint8Array): boolean {
    this.check();
    const chunks = other instanceof Bytes ? [...other.chunks()] : [checkBytes("other", other)];
    return other.length === this.size && isSame([...this.chunks()], chunks);
  }

  /**
   * Returns the first position from `from` on that has the byte, or -1.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  indexOf(byte: number, from: number = 0): number {
    this.check();
    checkRange("byte", byte, 0, 255);
    checkRange("from", from, 0, this.size);
    let at = 0;
    for (const part of this.held) {
      const found = viewPart(part).indexOf(byte, Math.max(0, from - at));
      if (found >= 0) return at + found;
      at += part.length;
    }
    return -1;
  }

  /**
   * Gives the block away, for example to another worker, which takes it with `BytesPool.adopt` or
   * frees it by its ptr. It releases this handle.
   * @throws {BufferError} ERR_NOT_OWNED unless this is the only handle of the block, has one
   * reference, and begins at the block's first byte
   */
  handOff(): { readonly ptr: Ptr; readonly length: number } {
    this.check();
    const [part] = this.held;
    const isSole = this.held.length === 1 && part?.block.holders === 1 && this.references === 1;
    if (part === undefined || !isSole || part.start !== part.block.ptr) {
      const message = "handOff takes the only handle of a block, which begins at its first byte";
      throw new BufferError("ERR_NOT_OWNED", message);
    }
    const { ptr } = part.block;
    part.block.ptr = NULL;
    const { size } = this;
    this.release();
    return { ptr, length: size };
  }

  private derive(parts: Part<B>[]): Bytes<B> {
    return new Bytes(this.heap, this.leaks, parts, this.frozen);
  }

  private locate(index: number): number {
    this.check();
    let left = typeof index === "number" ? index : -1;
    for (const { start, length } of this.held) {
      if (left >= 0 && left < length && Number.isInteger(left)) return start + left;
      left -= length;
    }
    throw new BufferError(
      "ERR_OUT_OF_RANGE",
      `index is ${describe(index)}; there are ${this.size} bytes`,
      { got: index, length: this.size },
    );
  }

  private check(): void {
    if (this.references > 0) return;
    throw new BufferError(
      "ERR_RELEASED",
      "these bytes were released; the handle cannot be used any more",
    );
  }

  private checkWritable(): void {
    this.check();
    if (this.frozen)
      throw new BufferError("ERR_FROZEN", "these bytes are frozen: they can only be read");
  }
}

/** Checks that `length` bytes fit at the position `at` of something that has `size` bytes. */
function checkRoom(name: string, at: number, length: number, size: number): void {
  if (length <= size) {
    checkRange(name, at, 0, size - length);
    return;
  }
  const message = `there is room for ${size} bytes, not for ${length}`;
  throw new BufferError("ERR_OUT_OF_RANGE", message, { got: length, most: size });
}

/** Returns whether two lists of chunks with the same total length have the same bytes. */
function isSame(left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean {
  let index = 0;
  let at = 0;
  for (const chunk of left) {
    for (let position = 0; position < chunk.length; position++, at++) {
      while (at === right[index]?.length) {
        index++;
        at = 0;
      }
      if (chunk[position] !== right[index]?.[at]) return false;
    }
  }
  return true;
}

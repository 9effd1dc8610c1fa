import { describe } from "../base/describe.js";
import { BufferError, NULL, type Ptr } from "../index.js";
import { Block, cutParts, hold, leave, lengthOf, type Part, viewPart } from "./block.js";
import { checkBytes, toByteArray } from "./data.js";
import { checkRange } from "./errors.js";
import type { ByteHeap } from "./heap.js";
import type { LeakDetector } from "./leaks.js";
import { readUtf8 } from "./utf8.js";

/**
 * A slice of bytes, counted by reference, of one block or of several: `slice`, `split` and `concat`
 * share blocks and copy nothing. Each handle is released by its holder; a block is freed with the
 * last handle that shares it. A released handle throws.
 *
 * Made by a `BytesPool`. A handle is an object of its own: the collector takes it, but the bytes
 * come back only by `release`.
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

  /** @internal Of parts that it holds from now on. */
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

  /** Bytes in all. @throws {BufferError} ERR_RELEASED, as everything but the next three does. */
  get length(): number {
    this.check();
    return this.size;
  }

  /** Releases that are still needed. */
  get refCount(): number {
    return this.references;
  }

  get isReleased(): boolean {
    return this.references === 0;
  }

  get isFrozen(): boolean {
    return this.frozen;
  }

  /** @internal What it shows, in order; for readers and writers of this package. */
  get parts(): readonly Part<B>[] {
    this.check();
    return this.held;
  }

  /** The byte at a position. @throws {BufferError} ERR_OUT_OF_RANGE */
  at(index: number): number {
    return this.heap.u8[this.locate(index)];
  }

  /** @throws {BufferError} ERR_OUT_OF_RANGE unless `byte` is one from 0 to 255; ERR_FROZEN */
  set(index: number, byte: number): void {
    this.checkWritable();
    checkRange("byte", byte, 0, 255);
    this.heap.u8[this.locate(index)] = byte;
  }

  /** Copies bytes in, from position `at` on. @throws {BufferError} ERR_OUT_OF_RANGE, ERR_FROZEN */
  write(bytes: Uint8Array, at: number = 0): void {
    this.checkWritable();
    let source = toByteArray(checkBytes("bytes", bytes));
    checkRoom("at", at, source.length, this.size);
    const parts = cutParts(this.held, at, at + source.length);
    // What is written to one part may be what is to be read for the next.
    if (parts.length > 1 && source.buffer === this.heap.buffer) source = new Uint8Array(source);
    let done = 0;
    for (const { start, length } of parts) {
      this.heap.u8.set(source.subarray(done, done + length), start);
      done += length;
    }
  }

  /**
   * A slice that shares the blocks; to be released by itself.
   * @throws {BufferError} ERR_OUT_OF_RANGE
   */
  slice(start: number = 0, end: number = this.size): Bytes<B> {
    this.check();
    checkRange("end", end, 0, this.size);
    checkRange("start", start, 0, end);
    return this.derive(cutParts(this.held, start, end));
  }

  /**
   * Takes the first `at` bytes out of this handle into one of their own.
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
   * A chain of these, in order, that shares their blocks; they stay their holders'. It is frozen if
   * one of them is.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for what is no `Bytes` of this heap.
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

  /** One reference more: as many releases are needed. */
  retain(): this {
    this.check();
    this.references++;
    return this;
  }

  /** One reference less; with the last one the blocks that nobody else shares are freed. */
  release(): void {
    this.check();
    this.references--;
    if (this.references > 0) return;
    if (this.watched) this.leaks.forget(this);
    this.size = 0;
    leave(this.held.splice(0));
  }

  [Symbol.dispose](): void {
    if (this.references > 0) this.release();
  }

  /** Forbids `set`, `write` and `view`, of this handle and of those made from it. */
  freeze(): this {
    this.check();
    this.frozen = true;
    return this;
  }

  /**
   * The bytes as a view of the heap, without a copy; valid until the release.
   * @throws {BufferError} ERR_NOT_CONTIGUOUS of a chain: see `compact` and `chunks`; ERR_FROZEN
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

  /** Views of the parts, in order, to be read only. */
  *chunks(): Generator<Uint8Array<B>, void, undefined> {
    this.check();
    for (const part of [...this.held]) {
      this.check();
      yield viewPart(part);
    }
  }

  /** A copy in one block of its own. */
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

  /** Copies bytes from `start` to `end` to a place in `target`. Returns how many. */
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
   * A copy on the JavaScript heap, for what refuses views of shared memory: `crypto.subtle`, bodies
   * of responses, `WebSocket.send`, streams of bytes, `postMessage` of a part.
   */
  toUnshared(): Uint8Array<ArrayBuffer> {
    this.check();
    const copy = new Uint8Array(this.size);
    this.copyTo(copy);
    return copy;
  }

  /** The bytes as UTF-8; what is malformed reads U+FFFD. */
  toString(): string {
    this.check();
    const [part] = this.held;
    if (this.held.length > 1) return readUtf8(this.toUnshared(), 0, this.size);
    if (part === undefined) return "";
    return readUtf8(this.heap.u8, part.start, part.start + part.length);
  }

  /** Whether it shows the same bytes. @throws {BufferError} ERR_INVALID_ARGUMENT */
  equals(other: Bytes | Uint8Array): boolean {
    this.check();
    const chunks = other instanceof Bytes ? [...other.chunks()] : [checkBytes("other", other)];
    return other.length === this.size && isSame([...this.chunks()], chunks);
  }

  /**
   * Where a byte stands first, from a position on; -1 if it does not.
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
   * Gives the block away, such as to another worker, which takes it by `BytesPool.adopt` or frees
   * it. This handle is released by that.
   * @throws {BufferError} ERR_NOT_OWNED unless it is the only one, of one whole block.
   */
  handOff(): { readonly ptr: Ptr; readonly length: number } {
    this.check();
    const [part] = this.held;
    const isSole = this.held.length === 1 && part?.block.holders === 1 && this.references === 1;
    if (part === undefined || !isSole || part.start !== part.block.ptr) {
      const message = "handOff takes the only handle of a block, from its first byte on";
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
    throw new BufferError("ERR_RELEASED", "these bytes were released; a handle ends with that");
  }

  private checkWritable(): void {
    this.check();
    if (this.frozen) throw new BufferError("ERR_FROZEN", "these bytes are frozen: read only");
  }
}

/** Checks a position from which on `length` bytes are to stand where there are `size`. */
function checkRoom(name: string, at: number, length: number, size: number): void {
  if (length <= size) {
    checkRange(name, at, 0, size - length);
    return;
  }
  const message = `${length} bytes are more than the ${size} that there is room for`;
  throw new BufferError("ERR_OUT_OF_RANGE", message, { got: length, most: size });
}

/** Whether two lists of chunks, of the same length in all, hold the same bytes. */
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

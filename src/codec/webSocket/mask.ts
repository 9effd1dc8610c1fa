import type { ByteHeap } from "../../buffers/internal.js";

const IS_LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** Below this many bytes, single bytes are as fast as words. */
const SHORT = 8;

const words = new WeakMap<object, Int32Array>();

/** Returns the memory of a heap as words. It keeps one view per heap. */
export function wordsOf({ buffer, u8 }: ByteHeap): Int32Array {
  let view = words.get(buffer);
  if (view === undefined) {
    view = new Int32Array(buffer, 0, u8.length >>> 2);
    words.set(buffer, view);
  }
  return view;
}

/** Returns views of all the memory in which an array lies, and where in it the array begins. */
export function wordsAt(array: Uint8Array): { u8: Uint8Array; i32: Int32Array; at: number } {
  const { buffer, byteOffset } = array;
  const bytes = buffer.byteLength;
  const i32 = new Int32Array(buffer, 0, bytes >>> 2);
  return { u8: new Uint8Array(buffer, 0, bytes), i32, at: byteOffset };
}

/**
 * Finds the words of the memory in which an array lies: the heap, or the buffer of the last array
 * outside of it.
 */
export class Words {
  /** Views of the whole memory, and the index there of what was asked for. */
  u8: Uint8Array;
  i32: Int32Array;
  at: number;
  private readonly heap: ByteHeap;
  private outer: { readonly u8: Uint8Array; readonly i32: Int32Array } | undefined;

  constructor(heap: ByteHeap) {
    this.u8 = heap.u8;
    this.i32 = wordsOf(heap);
    this.at = 0;
    this.heap = heap;
    this.outer = undefined;
  }

  /** Returns itself, with the views for an index of an array. */
  of(source: Uint8Array, start: number): this {
    const { heap } = this;
    if (source === heap.u8) {
      if (this.u8 !== source) {
        this.u8 = source;
        this.i32 = wordsOf(heap);
      }
      this.at = start;
      return this;
    }
    const { buffer, byteOffset } = source;
    // A buffer may have changed its length.
    let { outer } = this;
    if (outer?.u8.buffer !== buffer || outer.u8.length !== buffer.byteLength) {
      outer = wordsAt(source);
      this.outer = outer;
    }
    this.u8 = outer.u8;
    this.i32 = outer.i32;
    this.at = byteOffset + start;
    return this;
  }
}

/**
 * Replaces the bytes from `start` to `end` by their exclusive or with the four bytes of a mask in
 * turn, as RFC 6455 masks payloads. The first byte of the mask is the lowest one of `mask`. `u8`
 * and `i32` are views of the same memory.
 */
export function maskRange(
  u8: Uint8Array,
  i32: Int32Array,
  start: number,
  end: number,
  mask: number,
): void {
  let at = start;
  let turned = mask;
  if (IS_LITTLE && end - start >= SHORT) {
    for (; (at & 3) !== 0; at++) {
      u8[at] = u8[at] ^ turned;
      turned = (turned >>> 8) | (turned << 24);
    }
    maskWords(i32, at >>> 2, end >>> 2, turned);
    at = end & -4;
  }
  for (; at < end; at++) {
    u8[at] = u8[at] ^ turned;
    turned = (turned >>> 8) | (turned << 24);
  }
}

function maskWords(i32: Int32Array, from: number, end: number, mask: number): void {
  let word = from;
  for (const last = end - 3; word < last; word += 4) {
    i32[word] = i32[word] ^ mask;
    i32[word + 1] = i32[word + 1] ^ mask;
    i32[word + 2] = i32[word + 2] ^ mask;
    i32[word + 3] = i32[word + 3] ^ mask;
  }
  for (; word < end; word++) i32[word] = i32[word] ^ mask;
}

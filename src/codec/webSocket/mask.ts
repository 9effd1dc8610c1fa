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

/** The views of a buffer that `maskRange` takes. */
export class Memory {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  private readonly buffer: ArrayBufferLike;
  private readonly bytes: number;

  constructor(buffer: ArrayBufferLike) {
    this.buffer = buffer;
    this.bytes = buffer.byteLength;
    this.u8 = new Uint8Array(buffer, 0, this.bytes);
    this.i32 = new Int32Array(buffer, 0, this.bytes >>> 2);
  }

  /** Returns whether they are views of a whole buffer, which may have changed its length. */
  covers(buffer: ArrayBufferLike): boolean {
    return buffer === this.buffer && buffer.byteLength === this.bytes;
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

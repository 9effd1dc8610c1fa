import { isByteArray } from "../../base/tag.js";
import { invalid } from "../../buffers/errors.js";
import {
  type Bytes,
  type BytesPool,
  heapOf,
  isBytes,
  startOf,
  utf8Length,
  writeUtf8,
} from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import {
  checkBoolean,
  checkIntegerOption,
  checkObject,
  checkPool,
  cutArray,
  tooLarge,
} from "../checks.js";
import { largestBlock } from "../largestBlock.js";
import { CONTROL_MAX_BYTES } from "./frame.js";
import { maskRange, wordsOf } from "./mask.js";

/** The header of a frame that `encodeFrame` writes. */
export interface FrameHeader {
  /** Whether it is the last frame of its message. Default true. */
  readonly fin?: boolean;
  /** The reserved bits: RSV1 is 4, RSV2 2, RSV3 1. Default 0. */
  readonly rsv?: number;
  /** One of `OPCODE`. */
  readonly opcode: number;
  /** The mask of 4 bytes, or true for a random one, which a client needs. Default: no mask. */
  readonly mask?: Uint8Array | boolean;
}

declare const crypto: { getRandomValues(bytes: Uint8Array<ArrayBuffer>): unknown };

/** A longer payload is not copied after its header. */
const COPIED_MAX_BYTES = 1024;
const RANDOM_BYTES = 1024;

const random = new Uint8Array(RANDOM_BYTES);
let randomUsed = RANDOM_BYTES;

/**
 * Returns a WebSocket frame as bytes to be sent, which the caller releases. `Bytes` of more than
 * 1 KiB are shared (in a chain) if there is no mask; any other payload is copied. The caller still
 * has to release the payload.
 * @throws {BufferError} ERR_INVALID_ARGUMENT; ERR_TOO_LARGE if no block of the heap holds the frame
 * @throws {HeapError} ERR_HEAP_EXHAUSTED
 */
export function encodeFrame<B extends ArrayBufferLike>(
  pool: BytesPool<B>,
  header: FrameHeader,
  payload: Bytes<B> | Uint8Array | string = "",
): Bytes<B> {
  checkPool(pool);
  const length = lengthOf(payload);
  const { opcode, rsv, fin, mask } = checkHeader(header, length);
  const key = mask === true ? randomMask() : mask === false ? undefined : mask;
  const extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = 2 + extra + (key === undefined ? 0 : 4);
  const isShared =
    key === undefined &&
    isBytes(payload) &&
    length > COPIED_MAX_BYTES &&
    heapOf(payload).buffer === pool.heap.buffer;
  const size = isShared ? head : head + length;
  if (size > COPIED_MAX_BYTES) checkSize(pool, size);
  const bytes = pool.allocUnsafe(size);
  const start = startOf(bytes);
  const { u8 } = pool.heap;
  u8[start] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  writeLength(u8, start + 1, length, extra, key === undefined ? 0 : 0x80);
  if (isShared) {
    const chain = bytes.concat(payload);
    bytes.release();
    return chain;
  }
  const at = start + head;
  copy(u8, at, payload);
  if (key !== undefined) {
    u8.set(key, at - 4);
    const word = pool.heap.dataView.getInt32(at - 4, true);
    maskRange(u8, wordsOf(pool.heap), at, at + length, word);
  }
  return bytes;
}

function checkSize({ heap }: BytesPool, size: number): void {
  const most = largestBlock(heap);
  if (size > most) throw tooLarge("the frame's length", 0, size, most);
}

function lengthOf(payload: unknown): number {
  if (typeof payload === "string") return utf8Length(payload);
  if (isBytes(payload)) return payload.length;
  if (isByteArray(payload)) {
    const { length } = payload;
    if (length === 0) cutArray(payload, 0, 0);
    return length;
  }
  throw invalid("payload", payload, "Bytes, a Uint8Array or a string");
}

/** Each field is read once, because a getter may give another value the next time. */
function checkHeader(header: FrameHeader, length: number): Required<FrameHeader> {
  const { opcode, rsv = 0, fin = true, mask = false } = checkObject("header", header);
  checkBoolean("fin", fin);
  checkIntegerOption("opcode", opcode, 0, 10);
  if (opcode > 2 && opcode < 8) throw invalid("opcode", opcode, "0, 1, 2, 8, 9 or 10");
  checkIntegerOption("rsv", rsv, 0, 7);
  if (opcode >= 8 && (!fin || length > CONTROL_MAX_BYTES)) {
    const got = fin ? `${length} bytes` : "fin false";
    const accepted = `fin and at most ${CONTROL_MAX_BYTES} bytes`;
    const message = `a control frame got ${got}; it takes ${accepted}`;
    throw new BufferError("ERR_INVALID_ARGUMENT", message, { opcode, fin, length });
  }
  const isMask = isByteArray(mask) && mask.length === 4;
  if (typeof mask !== "boolean" && !isMask) {
    throw invalid("mask", mask, "a Uint8Array of 4 bytes or a boolean");
  }
  return { opcode, rsv, fin, mask };
}

function writeLength(
  u8: Uint8Array,
  at: number,
  length: number,
  extra: number,
  maskBit: number,
): void {
  u8[at] = maskBit | (extra === 0 ? length : extra === 2 ? 126 : 127);
  let rest = length;
  for (let index = at + extra; index > at; index--) {
    u8[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function copy(u8: Uint8Array, at: number, payload: Bytes | Uint8Array | string): void {
  if (typeof payload === "string") writeUtf8(payload, u8, at);
  else if (isBytes(payload)) payload.copyTo(u8, at);
  else u8.set(payload, at);
}

/** Returns four bytes that nobody can predict. They are drawn many at a time. */
function randomMask(): Uint8Array {
  if (randomUsed === RANDOM_BYTES) {
    crypto.getRandomValues(random);
    randomUsed = 0;
  }
  randomUsed += 4;
  return random.subarray(randomUsed - 4, randomUsed);
}

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
  malformedFrame,
  tooLarge,
} from "../checks.js";
import { largestBlock } from "../largestBlock.js";
import { closeError, INVALID_TEXT, isCloseCode } from "./closing.js";
import { CONTROL_MAX_BYTES, OPCODE } from "./frame.js";
import { maskRange, wordsAt, wordsOf } from "./mask.js";
import { checkUtf8 } from "./utf8.js";

/** The header of a frame that `encodeFrame` writes. */
export interface FrameHeader {
  /** Whether it is the last frame of its message. Default true. */
  readonly fin?: boolean | undefined;
  /** The reserved bits: RSV1 is 4, RSV2 2, RSV3 1. Default 0. */
  readonly rsv?: number | undefined;
  /** One of `OPCODE`. */
  readonly opcode: number;
  /** The mask of 4 bytes, or true for a random one, which a client needs. Default: no mask. */
  readonly mask?: Uint8Array | boolean | undefined;
}

type CheckedHeader = { readonly [K in keyof FrameHeader]-?: Exclude<FrameHeader[K], undefined> };

declare const crypto: { getRandomValues(bytes: Uint8Array<ArrayBuffer>): unknown };

/** A longer payload is not copied after its header. */
const COPIED_MAX_BYTES = 1024;
const RANDOM_BYTES = 1024;
/** The most bytes of a close reason: two are its code. */
const REASON_MAX_BYTES: number = CONTROL_MAX_BYTES - 2;

const random = new Uint8Array(RANDOM_BYTES);
let randomUsed = RANDOM_BYTES;

/**
 * Returns a WebSocket frame as bytes to be sent, which the caller releases. `Bytes` of more than
 * 1 KiB are shared (in a chain) if there is no mask; any other payload is copied. The caller still
 * has to release the payload.
 *
 * It refuses what a framer would refuse: opcodes and bits that are reserved, control frames that
 * are long or in fragments, close codes and reasons that may not be sent, and a text that is no
 * UTF-8. For that the bytes of a text are read once; a string is UTF-8 by itself (a lone surrogate
 * becomes U+FFFD). A first fragment may end within a code point. What cannot be known is not
 * checked: continuations, and payloads with reserved bits.
 * @throws {BufferError} ERR_INVALID_ARGUMENT; ERR_MALFORMED for a payload, with the `position` in
 * it; ERR_TOO_LARGE if no block of the heap holds the frame
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
  const isText = opcode === OPCODE.TEXT && rsv === 0 && typeof payload !== "string";
  const key = mask === true ? randomMask() : mask === false ? undefined : mask;
  const extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = 2 + extra + (key === undefined ? 0 : 4);
  const isShared =
    key === undefined &&
    isBytes(payload) &&
    length > COPIED_MAX_BYTES &&
    heapOf(payload).buffer === pool.heap.buffer;
  if (isShared && isText) checkText(payload, fin);
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
  const words = wordsOf(pool.heap);
  const isChecked = isText || opcode === OPCODE.CLOSE;
  const error = isChecked ? payloadError(u8, words, at, length, opcode, fin) : undefined;
  if (error !== undefined) {
    bytes.release();
    throw error;
  }
  if (key !== undefined) {
    u8.set(key, at - 4);
    maskRange(u8, words, at, at + length, pool.heap.dataView.getInt32(at - 4, true));
  }
  return bytes;
}

/**
 * Returns a close frame as bytes to be sent, which the caller releases: a code of RFC 6455 or of
 * 3000 to 4999, and a reason of at most 123 bytes of UTF-8. `mask` is that of a `FrameHeader`. A
 * close frame without a code is `encodeFrame(pool, { opcode: OPCODE.CLOSE })`.
 * @throws {BufferError} ERR_INVALID_ARGUMENT; ERR_TOO_LARGE for a longer reason
 * @throws {HeapError} ERR_HEAP_EXHAUSTED
 */
export function encodeClose<B extends ArrayBufferLike>(
  pool: BytesPool<B>,
  code: number,
  reason: string = "",
  mask: Uint8Array | boolean = false,
): Bytes<B> {
  return encodeFrame(pool, { opcode: OPCODE.CLOSE, mask }, closePayload(code, reason));
}

/** Returns the payload of a close frame. @throws what `encodeClose` throws */
export function closePayload(code: number, reason: string): Uint8Array {
  if (!Number.isInteger(code) || !isCloseCode(code)) {
    throw invalid("code", code, "a close code that may be sent");
  }
  if (typeof reason !== "string") throw invalid("reason", reason, "a string");
  const length = utf8Length(reason);
  if (length > REASON_MAX_BYTES) {
    const message = `the reason has ${length} bytes; at most ${REASON_MAX_BYTES} are accepted`;
    throw new BufferError("ERR_TOO_LARGE", message, { got: length, most: REASON_MAX_BYTES });
  }
  const payload = new Uint8Array(2 + length);
  payload[0] = code >> 8;
  payload[1] = code;
  writeUtf8(reason, payload, 2);
  return payload;
}

/** Returns what a framer would refuse of a close frame or of a text. */
function payloadError(
  u8: Uint8Array,
  words: Int32Array,
  start: number,
  length: number,
  opcode: number,
  fin: boolean,
): BufferError | undefined {
  if (opcode === OPCODE.CLOSE) return closeError(u8, words, start, length, 0);
  const state = checkUtf8(u8, words, start, start + length, 0);
  if (state === 0 || (state > 0 && !fin)) return undefined;
  return notUtf8(state < 0 ? ~state - start : length);
}

/** @throws {BufferError} ERR_MALFORMED unless a text is UTF-8, or its beginning if it goes on */
export function checkText(text: Bytes | Uint8Array, fin: boolean): void {
  let state = 0;
  let before = 0;
  for (const part of isBytes(text) ? text.chunks() : [text]) {
    const { u8, i32, at } = wordsAt(part);
    state = checkUtf8(u8, i32, at, at + part.length, state);
    if (state < 0) throw notUtf8(before + ~state - at);
    before += part.length;
  }
  if (state > 0 && fin) throw notUtf8(before);
}

function notUtf8(position: number): BufferError {
  return malformedFrame(position, "a text that is no UTF-8", "UTF-8", INVALID_TEXT);
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
function checkHeader(header: FrameHeader, length: number): CheckedHeader {
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
  if (rsv !== 0 && (opcode === OPCODE.CONTINUATION || opcode >= 8)) {
    throw invalid("rsv", rsv, "0, unless the frame is the first one of a message");
  }
  const isMask = isByteArray(mask) && mask.length === 4;
  if (typeof mask !== "boolean" && !isMask) {
    throw invalid("mask", mask, "a Uint8Array of 4 bytes or a boolean");
  }
  return { opcode, rsv, fin, mask };
}

/** Writes the length of a payload with its `extra` bytes. */
export function writeLength(
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

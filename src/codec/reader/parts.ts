import { checkRange, outOfRange } from "../../buffers/errors.js";
import { type Bytes, findPart, type Part, readUtf8 } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { malformed, tooLarge } from "../checks.js";
import { findLebEnd, LEB32_BYTES } from "../varint.js";
import { joinWords } from "../words.js";
import type { ReaderState } from "./state.js";

const SCRATCH_BYTES = 16;

/** The bytes of a number that lies in several parts; 0 for bytes that are missing. */
export const scratch: Uint8Array<ArrayBuffer> = new Uint8Array(SCRATCH_BYTES);
const scratchView = new DataView(scratch.buffer);

/** Returns up to 16 bytes that are read across parts. They are 0 if there are too few. */
export function assemble(reader: ReaderState, count: number): DataView<ArrayBuffer> {
  scratch.fill(0);
  if (count <= reader.remaining) copyOut(reader, scratch, count);
  else fallShort(reader, reader.position, count - bytesLeft(reader));
  return scratchView;
}

/** Reads 64 bits that lie in several parts, or are missing, or are no safe integer. */
export function slowNumber(reader: ReaderState, isLittle: boolean, isSigned: boolean): number {
  const { position } = reader;
  const pending = pendingBits(reader);
  const view = assemble(reader, 8);
  const low = view.getUint32(isLittle ? 0 : 4, isLittle);
  const high = view.getUint32(isLittle ? 4 : 0, isLittle);
  return checkSafe(reader, joinWords(low, isSigned ? high | 0 : high), position, pending);
}

/**
 * Returns a value that was read if it is a safe integer, or else goes back to where it began.
 * @throws {BufferError} ERR_TOO_LARGE
 */
export function checkSafe(
  reader: ReaderState,
  value: number,
  position: number,
  pending: number,
): number {
  if (Number.isSafeInteger(value)) return value;
  seekBack(reader, position, pending);
  const what = value < 0 ? "the magnitude of the integer" : "the integer";
  throw tooLarge(what, position, Math.abs(value), Number.MAX_SAFE_INTEGER);
}

/** Returns the bytes after the position, even after a short read. */
export function bytesLeft(reader: ReaderState): number {
  return reader.total - reader.position;
}

/** Notes that a read which began at `position` lacks bytes. Only the first such read counts. */
export function fallShort(reader: ReaderState, position: number, lacking: number): void {
  if (reader.lacking > 0) return;
  moveTo(reader, position);
  reader.lacking = lacking;
  reader.end = reader.at;
}

/** Reads `count` bytes, which must be there, into `target`. */
export function copyOut(reader: ReaderState, target: Uint8Array, count: number): void {
  let done = 0;
  while (done < count) {
    if (reader.at === reader.end) openPart(reader, reader.part + 1);
    const step = Math.min(count - done, reader.end - reader.at);
    if (step <= SCRATCH_BYTES) {
      for (let index = 0; index < step; index++) {
        target[done + index] = reader.raw[reader.at + index];
      }
    } else {
      target.set(reader.raw.subarray(reader.at, reader.at + step), done);
    }
    reader.at += step;
    done += step;
  }
}

function openPart(reader: ReaderState, index: number): void {
  const position = reader.at + reader.origin;
  const { start, length } = reader.parts[index] as Part;
  reader.part = index;
  reader.at = start;
  reader.end = start + length;
  reader.origin = position - start;
  reader.bitsLeft = 0;
}

/** Moves to a position, which must lie in the bytes, at the start of a byte. */
export function moveTo(reader: ReaderState, position: number): void {
  const { parts, total } = reader;
  reader.bitsLeft = 0;
  if (parts.length === 0) {
    reader.at = position - reader.origin;
    reader.end = total - reader.origin;
    return;
  }
  // At a border the part before it is the one: bits of its last byte may not be read yet.
  const index = findPart(parts, Math.max(0, position - 1));
  const { start, length, at } = parts[index] as Part;
  reader.part = index;
  reader.at = start + position - at;
  reader.end = start + length;
  reader.origin = at - start;
}

/** Returns the bits of the begun byte that are not read yet, in the form `seekBack` takes. */
export function pendingBits(reader: ReaderState): number {
  return reader.bitAt === reader.at ? (reader.bitsLeft << 8) | reader.bitByte : 0;
}

/** Moves back to a position, with the bits that `pendingBits` returned there. */
export function seekBack(reader: ReaderState, position: number, pending: number): void {
  moveTo(reader, position);
  reader.bitsLeft = pending >> 8;
  reader.bitByte = pending & 0xff;
  reader.bitAt = reader.at;
}

/** Moves to a position that a program gave, or notes that it lies behind the bytes. */
export function seekTo(reader: ReaderState, position: number): void {
  checkRange("position", position, 0, Number.MAX_SAFE_INTEGER);
  if (position > reader.total) fallShort(reader, reader.position, position - reader.total);
  else if (reader.lacking === 0) moveTo(reader, position);
}

/** Returns the byte `ahead` of the next one, which may lie in another part, or be missing. */
export function peekAhead(reader: ReaderState, ahead: number): number {
  checkRange("ahead", ahead, 0, Number.MAX_SAFE_INTEGER);
  if (ahead < reader.remaining) return byteAt(reader, reader.position + ahead);
  fallShort(reader, reader.position, ahead + 1 - bytesLeft(reader));
  return 0;
}

/** Returns the byte at a position, which must lie in the bytes. */
export function byteAt(reader: ReaderState, position: number): number {
  const { parts, raw } = reader;
  if (parts.length === 0) return raw[position - reader.origin];
  const { start, at } = parts[findPart(parts, position)] as Part;
  return raw[start + position - at];
}

/** Skips bytes that may lie in other parts, or be missing. */
export function skipBytes(reader: ReaderState, count: number): void {
  checkCount(count);
  if (count > reader.remaining) fallShort(reader, reader.position, count - bytesLeft(reader));
  else moveTo(reader, reader.position + count);
}

/** @throws {BufferError} ERR_OUT_OF_RANGE */
export function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 0) return;
  throw outOfRange("count", count, 0, Number.MAX_SAFE_INTEGER);
}

/** Reads `count` bytes, which must be there, into an array of their own. */
export function gather(reader: ReaderState, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  copyOut(reader, bytes, count);
  return bytes;
}

/**
 * Checks that the source still has its bytes.
 * @throws {BufferError} ERR_RELEASED; ERR_INVALID_ARGUMENT if it was split, detached or resized
 */
export function checkSource(reader: ReaderState): void {
  const { source, sourceBytes, position } = reader;
  if (source.length === sourceBytes) return;
  const message = "the bytes were split, detached or resized while they were read";
  throw new BufferError("ERR_INVALID_ARGUMENT", `${message}; reset() begins again`, { position });
}

/** Reads `count` bytes, which must be there, as a slice of the `Bytes` that are read. */
export function sliceOf(reader: ReaderState, count: number): Bytes {
  const { position } = reader;
  const start = reader.offset + position;
  const slice = (reader.source as Bytes).slice(start, start + count);
  if (reader.at + count <= reader.end) reader.at += count;
  else moveTo(reader, position + count);
  return slice;
}

/** Reads text that is strict, or that lies in several parts. */
export function slowText(
  reader: ReaderState,
  count: number,
  begin: number,
  pending: number,
): string {
  const { at, end, raw, position, isStrict } = reader;
  try {
    if (at + count > end) return readUtf8(gather(reader, count), 0, count, isStrict);
    reader.at = at + count;
    return readUtf8(raw, at, at + count, isStrict);
  } catch {
    seekBack(reader, begin, pending);
    throw malformed(position, "UTF-8");
  }
}

/** Reads a LEB128 into `scratch`. Returns how many bytes it has, or 0 if bytes are missing. */
export function takeLeb(reader: ReaderState, most: number): number {
  const position = reader.position;
  const pending = pendingBits(reader);
  const there = Math.min(most, reader.remaining);
  copyOut(reader, scratch, there);
  const length = findLebEnd(scratch, 0, there);
  if (length === 0 && there < most) {
    fallShort(reader, position, 1);
    return 0;
  }
  if (length === 0) {
    seekBack(reader, position, pending);
    throw tooLong(position, most);
  }
  moveTo(reader, position + length);
  return length;
}

/** Returns the error for a LEB128 that has more than `most` bytes. */
export function tooLong(position: number, most: number): BufferError {
  const bits = most === LEB32_BYTES ? 32 : 64;
  return malformed(position, `a varint of at most ${bits} bits in ${most} bytes`);
}

/** Returns the bytes before the terminator, or -1 if there is none. */
export function findTerminator(reader: ReaderState, terminator: number): number {
  const { parts, raw } = reader;
  if (reader.lacking > 0) return -1;
  const here = indexOf(raw, terminator, reader.at, reader.end);
  if (here >= 0) return here - reader.at;
  let passed = reader.end - reader.at;
  for (let index = reader.part + 1; index < parts.length; index++) {
    const { start, length } = parts[index] as Part;
    const found = indexOf(raw, terminator, start, start + length);
    if (found >= 0) return passed + found - start;
    passed += length;
  }
  return -1;
}

/** `Uint8Array.indexOf` takes no end, so it would search the whole heap. */
function indexOf(raw: Uint8Array, byte: number, from: number, end: number): number {
  for (let index = from; index < end; index++) if (raw[index] === byte) return index;
  return -1;
}

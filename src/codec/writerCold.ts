import { checkWhole, invalid, outOfRange, tooLarge } from "../buffers/errors.js";
import {
  Block,
  type ByteHeap,
  Bytes,
  checkBytes,
  hold,
  leave,
  type Part,
  toByteArray,
} from "../buffers/internal.js";
import { BufferError } from "../index.js";
import { leb32Length, putLeb32 } from "./varint.js";
import { I64_MAX, I64_MIN, U64_MAX } from "./wide.js";
import type { WriterBase } from "./writerBase.js";

/** A chain's blocks grow with the message, up to this. */
const CHAIN_MAX_BYTES = 65536;
/** A block with more than this unused, and less used than unused, is cut when it is handed out. */
const SPARE_BYTES = 1024;
/** Up to here a loop is faster than a call of the engine's `set`. */
export const SHORT_BYTES = 8;

/**
 * Makes room of `needed` bytes at `writer.at`, which it returns. When it throws, the writer is as
 * it was.
 */
export function grow(writer: WriterBase, needed: number): number {
  const { length } = writer;
  if (writer.isDisposed) throw new BufferError("ERR_CLOSED", "this writer was disposed");
  if (needed > writer.maximum - length) {
    throw tooLarge("the message's length", 0, length + needed, writer.maximum);
  }
  if (writer.isChain) chainBlock(writer, needed);
  else growBlock(writer, needed);
  return writer.at;
}

function growBlock(writer: WriterBase, needed: number): void {
  const { heap, block, capacity, initial, maximum } = writer;
  const used = writer.at - writer.start;
  const least = used + needed;
  const wanted = Math.min(maximum, Math.max(least, initial, 2 * capacity));
  const ptr = atBest(wanted, least, (size) =>
    block === undefined ? heap.malloc(size) : heap.realloc(block.ptr, size),
  );
  if (block === undefined) writer.block = holdOpen(heap, ptr);
  else block.ptr = ptr as typeof block.ptr;
  // What is written after a move is in another place: no bit field goes on there by chance.
  writer.bitsFree = 0;
  open(writer, ptr, used);
}

/** As much as is wanted, or else as little as is needed. */
function atBest(wanted: number, least: number, take: (size: number) => number): number {
  if (wanted === least) return take(least);
  try {
    return take(wanted);
  } catch {
    return take(least);
  }
}

function holdOpen<B extends ArrayBufferLike>(heap: ByteHeap<B>, ptr: number): Block<B> {
  const block = new Block(heap, ptr as Block["ptr"]);
  block.holders = 1;
  return block;
}

function open(writer: WriterBase, ptr: number, used: number): void {
  const capacity = writer.heap.usableSize(ptr as Block["ptr"]);
  writer.capacity = capacity;
  writer.start = ptr;
  writer.at = ptr + used;
  limitRoom(writer);
}

function limitRoom(writer: WriterBase): void {
  const { block, capacity, at, maximum, length } = writer;
  const end = block === undefined ? 0 : block.ptr + capacity;
  writer.limit = Math.min(end, at + (maximum - length));
}

function chainBlock(writer: WriterBase, needed: number): void {
  const { heap, maximum, initial, length, block } = writer;
  const wanted = Math.max(needed, initial, Math.min(length, CHAIN_MAX_BYTES));
  const size = Math.min(maximum - length, wanted);
  const ptr = atBest(size, needed, (bytes) => heap.malloc(bytes));
  close(writer);
  block?.leave();
  writer.block = holdOpen(heap, ptr);
  open(writer, ptr, 0);
}

/** What the open block has becomes a part; the block stays open for what follows. */
function close(writer: WriterBase): void {
  const { block, start, at, closed } = writer;
  if (block === undefined || at === start) return;
  block.holders++;
  closed.push({ block, start, length: at - start });
  writer.base += at - start;
  writer.start = at;
}

export function finish<B extends ArrayBufferLike>(writer: WriterBase<B>): Bytes<B> {
  const { block, pool, closed } = writer;
  if (writer.length === 0) return pool.join([], false);
  if (!writer.isChain) trim(writer);
  close(writer);
  const bytes = pool.join(closed.slice(), writer.isFrozen);
  block?.leave();
  writer.block = undefined;
  writer.capacity = 0;
  reset(writer);
  return bytes;
}

function trim(writer: WriterBase): void {
  const { heap, block, capacity, length } = writer;
  const spare = capacity - length;
  if (block === undefined || spare <= SPARE_BYTES || spare <= length) return;
  try {
    block.ptr = heap.realloc(block.ptr, length);
  } catch {
    // There is no smaller block to be had: it stays in this one.
  }
  open(writer, block.ptr, length);
}

export function reset(writer: WriterBase): void {
  const { block, closed } = writer;
  leave(closed);
  closed.length = 0;
  writer.appended.length = 0;
  writer.isFrozen = false;
  writer.bitsFree = 0;
  writer.base = 0;
  writer.start = block?.ptr ?? 0;
  writer.at = writer.start;
  limitRoom(writer);
}

export function dispose(writer: WriterBase): void {
  writer.block?.leave();
  writer.block = undefined;
  writer.capacity = 0;
  reset(writer);
  writer.isDisposed = true;
}

export function viewOf<B extends ArrayBufferLike>(writer: WriterBase<B>): Uint8Array<B> {
  const { heap, closed, start, at, length } = writer;
  const [part] = closed;
  if (part === undefined) return new Uint8Array(heap.buffer, start, length);
  if (part.length === length) return new Uint8Array(heap.buffer, part.start, length);
  const parts = closed.length + (at > start ? 1 : 0);
  const message = `a chain of ${parts} parts has no one view; finish() gives it as Bytes`;
  throw new BufferError("ERR_NOT_CONTIGUOUS", message, { parts });
}

/** Checks that bytes can be appended behind `front` others. @throws what `append` does */
export function checkAppend(writer: WriterBase, bytes: unknown, front: number): void {
  if (!(bytes instanceof Bytes)) throw invalid("bytes", bytes, "Bytes");
  if (bytes.heap.buffer !== writer.heap.buffer) {
    throw new BufferError("ERR_INVALID_ARGUMENT", "append takes bytes of the writer's heap");
  }
  const { length } = writer;
  const more = front + bytes.length;
  if (writer.isDisposed) throw new BufferError("ERR_CLOSED", "this writer was disposed");
  if (more > writer.maximum - length) {
    throw tooLarge("the message's length", 0, length + more, writer.maximum);
  }
}

/** Appends bytes that were checked. */
export function appendParts<B extends ArrayBufferLike>(
  writer: WriterBase<B>,
  bytes: Bytes<B>,
): void {
  const { length, parts } = bytes;
  // Empty bytes have a part too, which a writer without a byte would keep for ever.
  if (length === 0) return;
  if (!writer.isChain) {
    copyParts(writer, parts, length);
    return;
  }
  close(writer);
  hold(parts);
  writer.closed.push(...parts);
  writer.appended.push(...parts);
  writer.isFrozen ||= bytes.isFrozen;
  writer.base += length;
  writer.bitsFree = 0;
  limitRoom(writer);
}

/** Copies parts of the same heap in, into one piece. */
export function copyParts(writer: WriterBase, parts: readonly Part[], length: number): void {
  let at = writer.at + length <= writer.limit ? writer.at : grow(writer, length);
  for (const part of parts) {
    writer.raw.copyWithin(at, part.start, part.start + part.length);
    at += part.length;
  }
  writer.at = at;
}

/** Where in the heap written bytes lie, which must be in one piece and the writer's own. */
export function place(writer: WriterBase, position: number, count: number): number {
  const { length, base, start, closed } = writer;
  if (!Number.isInteger(position) || position < 0 || position + count > length) {
    throw outOfRange("position", position, 0, length - count);
  }
  if (position >= base) return start + position - base;
  let at = position;
  for (const part of closed) {
    if (at < part.length) {
      const isWhole = at + count <= part.length;
      if (isWhole && !writer.appended.includes(part)) return part.start + at;
      const why = isWhole ? "were appended: they are shared" : "lie in more than one part";
      const message = `${count} bytes at ${position} ${why}; it takes bytes reserved at once`;
      throw new BufferError("ERR_NOT_CONTIGUOUS", message, { position, count });
    }
    at -= part.length;
  }
  return start;
}

/** A view of the writer's own block is copied first, for the block may move when it grows. */
export function steady(writer: WriterBase, bytes: Uint8Array): Uint8Array {
  const { start, capacity, heap, isChain } = writer;
  if (isChain || bytes.buffer !== heap.buffer) return bytes;
  const { byteOffset, length } = bytes;
  return byteOffset < start + capacity && byteOffset + length > start
    ? new Uint8Array(bytes)
    : bytes;
}

/** How many bytes are to be copied. Where a buffer was detached there are none: it is refused. */
export function countBytes(bytes: Uint8Array): number {
  const { length } = checkBytes("bytes", bytes);
  if (length === 0) toByteArray(bytes);
  return length;
}

/** Bytes that are few, or have no room, or are another realm's, or none. */
export function slowBytes(writer: WriterBase, bytes: Uint8Array): void {
  const length = countBytes(bytes);
  const { raw, at } = writer;
  if (at + length > writer.limit) {
    splitBytes(writer, bytes);
    return;
  }
  if (length > SHORT_BYTES) raw.set(bytes, at);
  else for (let index = 0; index < length; index++) raw[at + index] = bytes[index];
  writer.at = at + length;
}

/** Fills the open block, and then one more. */
function splitBytes(writer: WriterBase, given: Uint8Array): void {
  const bytes = steady(writer, toByteArray(given));
  const { at } = writer;
  const fits = writer.limit - at;
  if (!writer.isChain || fits <= 0) {
    const start = grow(writer, bytes.length);
    writer.raw.set(bytes, start);
    writer.at = start + bytes.length;
    return;
  }
  if (bytes.length > writer.maximum - writer.length) grow(writer, bytes.length);
  // The room is taken as written, so that the part which is closed has it.
  writer.at = at + fits;
  let next: number;
  try {
    next = grow(writer, bytes.length - fits);
  } catch (error) {
    writer.at = at;
    throw error;
  }
  writer.raw.set(bytes.subarray(0, fits), at);
  writer.raw.set(bytes.subarray(fits), next);
  writer.at = next + bytes.length - fits;
}

/** A varint that may not have room, or no value that a varint takes. */
export function longVarint32(writer: WriterBase, value: number): void {
  checkWhole("varint32", value, 0xffffffff, writer.length);
  const size = leb32Length(value);
  const at = writer.at + size <= writer.limit ? writer.at : grow(writer, size);
  putLeb32(writer.raw, at, value);
  writer.at = at + size;
}

/**
 * Makes room for a number of fixed width, whose range is in its name, or refuses the value. The
 * callers ask both in one condition and are short by it, so that V8 inlines all fields of a message
 * into the function that writes it.
 */
export function roomFor(writer: WriterBase, field: string, value: unknown): number {
  const bits = Number.parseInt(field.slice(1), 10);
  const isSigned = field.startsWith("i");
  if (field.startsWith("f")) {
    if (typeof value !== "number") throw invalid(field, value, "a number");
  } else if (bits === 64) {
    const [least, most] = isSigned ? [I64_MIN, I64_MAX] : [0n, U64_MAX];
    const fits = typeof value === "bigint" && value >= least && value <= most;
    if (!fits) throw outOfRange(field, value, least, most, writer.length);
  } else {
    const least = isSigned ? -(2 ** (bits - 1)) : 0;
    const most = least + 2 ** bits - 1;
    const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
    if (!fits) throw outOfRange(field, value, least, most, writer.length);
  }
  return grow(writer, bits / 8);
}

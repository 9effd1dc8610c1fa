import { outOfRange } from "../../buffers/errors.js";
import {
  Block,
  type ByteHeap,
  type Bytes,
  findPart,
  joinParts,
  leave,
  type Part,
  shareBlock,
} from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { tooLarge } from "../checks.js";
import { largestBlock } from "../largestBlock.js";
import type { WriterState } from "./state.js";

/** The blocks of a chain grow with the message, up to this size. */
const CHAIN_MAX_BYTES = 65536;
/** A block is cut by `finish` if more than this, and more than half of it, is unused. */
const SPARE_BYTES = 1024;

/**
 * Makes room for `needed` bytes and returns where it is, which is `writer.at`. If it throws, the
 * writer stays as it was.
 * @throws {BufferError} ERR_CLOSED, ERR_TOO_LARGE
 * @throws {HeapError} ERR_HEAP_EXHAUSTED
 */
export function grow(writer: WriterState, needed: number): number {
  const { length } = writer;
  if (writer.isDisposed) throw new BufferError("ERR_CLOSED", "this writer was disposed");
  if (needed > writer.maximum - length) {
    throw tooLarge("the message's length", 0, length + needed, writer.maximum);
  }
  if (writer.isChain) chainBlock(writer, needed);
  else growBlock(writer, needed);
  return writer.at;
}

function growBlock(writer: WriterState, needed: number): void {
  const { heap, block, blockBytes, initial, maximum } = writer;
  const used = writer.at - writer.start;
  const least = used + needed;
  const most = Math.min(maximum, largestFor(writer, least));
  const wanted = Math.min(most, Math.max(least, initial, 2 * blockBytes));
  const ptr = atBest(wanted, least, (size) =>
    block === undefined ? heap.malloc(size) : heap.realloc(block.ptr, size),
  );
  if (block === undefined) writer.block = holdOpen(heap, ptr);
  else block.ptr = ptr as typeof block.ptr;
  // After a move `at` may equal `bitAt` by chance, and a bit field would go on there.
  writer.bitsFree = 0;
  open(writer, ptr, used);
}

/** Returns the largest block. @throws {BufferError} ERR_TOO_LARGE if it is less than is needed */
function largestFor(writer: WriterState, least: number): number {
  const largest = largestBlock(writer.heap);
  if (least <= largest) return largest;
  throw tooLarge("a block of the message", writer.length, least, largest);
}

/** Takes as much as is wanted, or else as little as is needed. */
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

function open(writer: WriterState, ptr: number, used: number): void {
  const blockBytes = writer.heap.usableSize(ptr as Block["ptr"]);
  writer.blockBytes = blockBytes;
  writer.start = ptr;
  writer.at = ptr + used;
  limitRoom(writer);
}

export function limitRoom(writer: WriterState): void {
  const { block, blockBytes, at, maximum, length } = writer;
  const end = block === undefined ? 0 : block.ptr + blockBytes;
  writer.limit = Math.min(end, at + (maximum - length));
}

function chainBlock(writer: WriterState, needed: number): void {
  const { heap, maximum, initial, length, block } = writer;
  const most = Math.min(maximum - length, largestFor(writer, needed));
  const size = Math.min(most, Math.max(needed, initial, Math.min(length, CHAIN_MAX_BYTES)));
  const ptr = atBest(size, needed, (bytes) => heap.malloc(bytes));
  close(writer);
  block?.leave();
  writer.block = holdOpen(heap, ptr);
  open(writer, ptr, 0);
}

/** Makes a part of what the open block holds. The block stays open for what follows. */
export function close(writer: WriterState): void {
  const { block, start, at, closed } = writer;
  if (block === undefined || at === start) return;
  block.holders++;
  closed.push({ block, start, length: at - start, at: writer.base });
  writer.base += at - start;
  writer.start = at;
}

/** Returns what was written as `Bytes`, and leaves the writer empty. */
export function finish<B extends ArrayBufferLike>(writer: WriterState<B>): Bytes<B> {
  const { pool } = writer;
  if (writer.length === 0) return joinParts(pool, [], false);
  if (!writer.isChain) trim(writer);
  const bytes = takeWritten(writer);
  writer.block?.leave();
  writer.block = undefined;
  writer.blockBytes = 0;
  reset(writer);
  return bytes;
}

function takeWritten<B extends ArrayBufferLike>(writer: WriterState<B>): Bytes<B> {
  const { block, pool, start, at, closed } = writer;
  if (block !== undefined && closed.length === 0) {
    return shareBlock(pool, block, start, at - start, false);
  }
  close(writer);
  return joinParts(pool, closed, writer.isFrozen);
}

function trim(writer: WriterState): void {
  const { heap, block, blockBytes, length } = writer;
  const spare = blockBytes - length;
  if (block === undefined || spare <= SPARE_BYTES || spare <= length) return;
  try {
    block.ptr = heap.realloc(block.ptr, length);
  } catch {
    // The heap has no smaller block: the message stays in this one.
  }
  open(writer, block.ptr, length);
}

/** Forgets what was written, but keeps the open block. */
export function reset(writer: WriterState): void {
  const { block, closed } = writer;
  if (closed.length > 0) {
    leave(closed);
    closed.length = 0;
    writer.appended.clear();
  }
  writer.isFrozen = false;
  writer.bitsFree = 0;
  writer.base = 0;
  writer.start = block?.ptr ?? 0;
  writer.at = writer.start;
  limitRoom(writer);
}

/** Frees what the writer holds. */
export function dispose(writer: WriterState): void {
  writer.block?.leave();
  writer.block = undefined;
  writer.blockBytes = 0;
  reset(writer);
  writer.isDisposed = true;
}

/** Returns what was written as a view. @throws {BufferError} ERR_NOT_CONTIGUOUS for a chain */
export function viewOf<B extends ArrayBufferLike>(writer: WriterState<B>): Uint8Array<B> {
  const { heap, closed, start, at, length } = writer;
  const [part] = closed;
  if (part === undefined) return new Uint8Array(heap.buffer, start, length);
  if (part.length === length) return new Uint8Array(heap.buffer, part.start, length);
  const parts = closed.length + (at > start ? 1 : 0);
  const message = `a chain of ${parts} parts has no single view; finish() returns it as Bytes`;
  throw new BufferError("ERR_NOT_CONTIGUOUS", message, { parts });
}

/**
 * Returns the index in the heap of `count` bytes that were written at `position`.
 * @throws {BufferError} ERR_OUT_OF_RANGE; ERR_NOT_CONTIGUOUS unless they are in one piece that
 * nobody shares
 */
export function place(writer: WriterState, position: number, count: number): number {
  const { length, base, start, closed } = writer;
  if (!Number.isInteger(position) || position < 0 || position + count > length) {
    throw outOfRange("position", position, 0, length - count);
  }
  if (position >= base) return start + position - base;
  const part = closed[findPart(closed, position)] as Part;
  const at = position - part.at;
  const isWhole = at + count <= part.length;
  if (isWhole && !writer.appended.has(part)) return part.start + at;
  const why = isWhole ? "were appended: they are shared" : "lie in more than one part";
  const message = `${count} bytes at ${position} ${why}; it takes bytes reserved at once`;
  throw new BufferError("ERR_NOT_CONTIGUOUS", message, { position, count });
}

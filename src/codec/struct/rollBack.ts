import { leave, type Part } from "../../buffers/internal.js";
import { limitRoom } from "../writer/blocks.js";
import type { WriterState } from "../writer/state.js";

/** Returns how many bits are free in the last byte that was written. */
export function freeBits(writer: WriterState): number {
  return writer.bitAt === writer.at ? writer.bitsFree : 0;
}

/**
 * Takes back what was written after a message had `length` bytes, with `free` bits free in the last
 * of them. Memory that the writer has taken since then may stay with it.
 */
export function rollBack(
  writer: WriterState,
  length: number,
  free: number,
  isFrozen: boolean,
): void {
  // What a program has reset or finished meanwhile is not there any more.
  if (length > writer.length || writer.isDisposed) return;
  const { base } = writer;
  if (length < base || (length === base && free > 0)) reopen(writer, length, free);
  writer.at = writer.start + length - writer.base;
  writer.bitsFree = free;
  writer.bitAt = writer.at;
  if (free > 0) writer.raw[writer.at - 1] = writer.raw[writer.at - 1] & -(2 ** free);
  writer.isFrozen = isFrozen;
  limitRoom(writer);
}

/** Drops parts of a chain. The block of the part that goes on is the open one again. */
function reopen(writer: WriterState, length: number, free: number): void {
  const { closed, appended, block: open } = writer;
  const dropped: Part[] = [];
  let part = closed.at(-1);
  for (; part !== undefined && part.at >= length; part = closed.at(-1)) {
    closed.pop();
    appended.delete(part);
    dropped.push(part);
  }
  if (part !== undefined && (part.at + part.length > length || free > 0)) {
    closed.pop();
    writer.block = part.block;
    writer.blockBytes = writer.heap.usableSize(part.block.ptr);
    writer.start = part.start;
    writer.base = part.at;
    open?.leave();
  } else {
    writer.base = length;
  }
  leave(dropped);
}

/** Writes of content that are not hot: text in other encodings, and checksums. */
import { checkRange, invalid, outOfRange } from "../../buffers/errors.js";
import { type Crc, crcOfParts, update } from "../crc.js";
import { grow } from "./blocks.js";
import type { WriterState } from "./state.js";

export function putLatin1(writer: WriterState, text: string): void {
  if (typeof text !== "string") throw invalid("text", text, "a string");
  const { length } = text;
  // Before there is room, because a write that throws may not cost a block.
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0xff) throw outOfRange("a character", unit, 0, 0xff, writer.length + index);
  }
  const at = writer.at + length <= writer.limit ? writer.at : grow(writer, length);
  for (let index = 0; index < length; index++) writer.raw[at + index] = text.charCodeAt(index);
  writer.at = at + length;
}

export function putUtf16(writer: WriterState, text: string): void {
  if (typeof text !== "string") throw invalid("text", text, "a string");
  const size = 2 * text.length;
  let at = writer.at + size <= writer.limit ? writer.at : grow(writer, size);
  const { raw } = writer;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    raw[at++] = unit;
    raw[at++] = unit >>> 8;
  }
  writer.at = at;
}

/** Returns the CRC of what was written from `from` to `to`. */
export function crcWritten(writer: WriterState, crc: Crc, from: number, to: number): number {
  checkRange("to", to, 0, writer.length);
  checkRange("from", from, 0, to);
  const { raw, closed, base, start } = writer;
  const before = crcOfParts(crc, raw, closed, from, Math.min(to, base), 0);
  if (to <= base) return before;
  return update(crc.tables, raw, start + Math.max(from, base) - base, start + to - base, before);
}

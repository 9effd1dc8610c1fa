/** Reads of content that are not hot: text in other encodings, and checksums. */
import { checkRange } from "../../buffers/errors.js";
import { ASCII_MAX, decodeText, readAscii } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { type Crc, crcOfParts, update } from "../crc.js";
import { checkSource, fallShort, gather, pendingBits, seekBack } from "./parts.js";
import type { ReaderState } from "./state.js";

/** Reads `count` bytes, which must be there, as text. The reader stays if there is too much. */
export function readText(
  reader: ReaderState,
  count: number,
  encoding: "latin1" | "utf16le",
): string {
  const { raw, at, end } = reader;
  if (at + count > end) return gatherText(reader, count, encoding);
  const short = encoding === "latin1" && count <= ASCII_MAX ? readAscii(raw, at, count) : undefined;
  const text = short ?? decodeText(raw, at, at + count, encoding);
  reader.at = at + count;
  return text;
}

function gatherText(reader: ReaderState, count: number, encoding: "latin1" | "utf16le"): string {
  const { position } = reader;
  const pending = pendingBits(reader);
  try {
    return decodeText(gather(reader, count), 0, count, encoding);
  } catch (error) {
    seekBack(reader, position, pending);
    throw error;
  }
}

/** @throws {BufferError} ERR_OUT_OF_RANGE if a count of bytes is odd */
export function checkEven(reader: ReaderState, count: number): void {
  if (!Number.isInteger(count) || count % 2 === 0) return;
  const { position } = reader;
  const message = `the count at ${position} is ${count}; UTF-16 takes an even count of bytes`;
  throw new BufferError("ERR_OUT_OF_RANGE", message, { name: "count", got: count, position });
}

/**
 * Returns the CRC of the bytes from `from` to `to`, and stays where it is. What lies behind the end
 * is missing.
 */
export function crcFrom(reader: ReaderState, crc: Crc, from: number, to: number): number {
  checkRange("to", to, 0, Number.MAX_SAFE_INTEGER);
  checkRange("from", from, 0, to);
  checkSource(reader);
  const { raw, parts, origin, total } = reader;
  if (to > total) fallShort(reader, reader.position, to - total);
  if (reader.lacking > 0) return 0;
  if (parts.length > 0) return crcOfParts(crc, raw, parts, from, to, 0);
  return update(crc.tables, raw, from - origin, to - origin, 0);
}

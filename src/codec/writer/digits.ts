/** Numbers that are written as text, as in HTTP and RESP. */
import { checkSafe } from "../checks.js";
import { grow } from "./blocks.js";
import type { WriterState } from "./state.js";

const ZERO = 48;
const MINUS = 45;
const RADIX = { decimal: 10, hex: 16 } as const;

/** Writes a safe integer that is not below `least`. */
export function putDigits(
  writer: WriterState,
  kind: keyof typeof RADIX,
  value: number,
  least: number,
): void {
  checkSafe(kind, value, least, writer.length);
  if (kind === "decimal" && value > -1e9 && value < 1e9) putShort(writer, value | 0);
  else putText(writer, value.toString(RADIX[kind]));
}

/** Writes up to nine digits, for which a loop is faster than making a string. */
function putShort(writer: WriterState, value: number): void {
  const isNegative = value < 0;
  let left = isNegative ? -value : value;
  let size = isNegative ? 2 : 1;
  for (let most = 10; left >= most; most *= 10) size++;
  const at = writer.at + size <= writer.limit ? writer.at : grow(writer, size);
  const { raw } = writer;
  if (isNegative) raw[at] = MINUS;
  let index = at + size;
  do {
    const rest = (left / 10) | 0;
    raw[--index] = ZERO + left - 10 * rest;
    left = rest;
  } while (left > 0);
  writer.at = at + size;
}

function putText(writer: WriterState, text: string): void {
  const { length } = text;
  const at = writer.at + length <= writer.limit ? writer.at : grow(writer, length);
  for (let index = 0; index < length; index++) writer.raw[at + index] = text.charCodeAt(index);
  writer.at = at + length;
}

/** Numbers that are written as text, as in HTTP and RESP. */
import { malformed, tooLarge } from "../checks.js";
import { byteAt, checkSource, fallShort, moveTo } from "./parts.js";
import type { ReaderState } from "./state.js";

/** With zeros before them. So it takes little to read a number again when more bytes have come. */
const DIGITS_MAX = 32;
const MINUS = 45;

/** Reads a safe integer, in several parts or malformed. Only decimals have a sign. */
export function readDigits(reader: ReaderState, radix: 10 | 16): number {
  checkSource(reader);
  if (reader.lacking > 0) return 0;
  const { position, total } = reader;
  const isNegative = radix === 10 && position < total && byteAt(reader, position) === MINUS;
  const first = isNegative ? position + 1 : position;
  if (first === total) {
    fallShort(reader, position, 1);
    return 0;
  }
  let value = 0;
  let next = first;
  for (; next < total; next++) {
    const digit = digitOf(byteAt(reader, next));
    if (digit >= radix) break;
    if (next - first === DIGITS_MAX) throw tooLarge("the count of digits", position, 33, 32);
    value = value * radix + digit;
    if (value > MOST) throw tooLarge("the number", position, value, MOST);
  }
  if (next === first) throw malformed(position, radix === 10 ? "a decimal digit" : "a hex digit");
  moveTo(reader, next);
  return isNegative ? 0 - value : value;
}

const MOST = Number.MAX_SAFE_INTEGER;

/** Returns what a byte stands for as a digit, or 16. */
function digitOf(byte: number): number {
  if (byte <= 57) return byte >= 48 ? byte - 48 : 16;
  const letter = (byte | 32) - 97;
  return letter >= 0 && letter < 6 ? letter + 10 : 16;
}

import { ASCII_MAX, readAscii } from "./ascii.js";

/** Every runtime has these. Their types come from libraries that this one does not require. */
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
  encodeInto(text: string, target: Uint8Array): { written: number };
};
declare const TextDecoder: new (
  label: string,
  options: { ignoreBOM: boolean; fatal?: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Up to this length a loop is faster than the encoder or the decoder of the engine. */
const SHORT = 24;

/** Returns how many bytes a string has in UTF-8. A lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair has 2 units and 4 bytes.
    if (isPair(unit, text.charCodeAt(index + 1))) index++;
  }
  return bytes;
}

function isPair(high: number, low: number): boolean {
  return (high & 0xfc00) === 0xd800 && (low & 0xfc00) === 0xdc00;
}

/** Writes a string as UTF-8 to `target`, which has room for it. Returns the end. */
export function writeUtf8(text: string, target: Uint8Array, start: number): number {
  if (text.length <= SHORT) {
    let at = start;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return encodeLong(text, target, start);
      target[at++] = unit;
    }
    return at;
  }
  return encodeLong(text, target, start);
}

function encodeLong(text: string, target: Uint8Array, start: number): number {
  try {
    return start + encoder.encodeInto(text, target.subarray(start)).written;
  } catch {
    // Browsers refuse shared memory.
    const bytes = encoder.encode(text);
    target.set(bytes, start);
    return start + bytes.length;
  }
}

/** Returns bytes read as UTF-8. @throws {TypeError} if they are malformed and `isStrict` is set */
export function readUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
  isStrict: boolean = false,
): string {
  if (end - start <= ASCII_MAX) {
    const text = readAscii(bytes, start, end - start);
    if (text !== undefined) return text;
  }
  return decodeLong(bytes, start, end, isStrict);
}

function decodeLong(bytes: Uint8Array, start: number, end: number, isStrict: boolean): string {
  const part = bytes.subarray(start, end);
  const by = isStrict ? strict : decoder;
  try {
    return by.decode(part);
  } catch (error) {
    if (part.buffer instanceof ArrayBuffer) throw error;
    // Browsers refuse shared memory.
    return by.decode(new Uint8Array(part));
  }
}

/** What every runtime has, whose types this library does not ask for. */
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

/** Up to here a loop is faster than a call of the engine's encoder or decoder. */
const SHORT = 24;

/** Bytes of a string in UTF-8; a lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair is 2 units and 4 bytes.
    if (isPair(unit, text.charCodeAt(index + 1))) index++;
  }
  return bytes;
}

function isPair(high: number, low: number): boolean {
  return (high & 0xfc00) === 0xd800 && (low & 0xfc00) === 0xdc00;
}

/** Writes a string as UTF-8, which fits. Returns the end. */
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
    // Browsers refuse memory that is shared.
    const bytes = encoder.encode(text);
    target.set(bytes, start);
    return start + bytes.length;
  }
}

/** Reads UTF-8. @throws {TypeError} when it is malformed and `isStrict`. */
export function readUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
  isStrict: boolean = false,
): string {
  if (end - start <= SHORT) {
    const text = readAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  return decodeLong(bytes, start, end, isStrict);
}

const chars = String.fromCharCode;

/**
 * A short text if it is ASCII. By eights and fours it takes 0.6 of the time: each call of
 * `fromCharCode` makes a string, and each concatenation another.
 */
function readAscii(u8: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = u8[at] as number;
    const b = u8[at + 1] as number;
    const c = u8[at + 2] as number;
    const d = u8[at + 3] as number;
    if ((a | b | c | d) >= 0x80) return undefined;
    if (at + 8 > end) {
      text += chars(a, b, c, d);
      continue;
    }
    const e = u8[at + 4] as number;
    const f = u8[at + 5] as number;
    const g = u8[at + 6] as number;
    const h = u8[at + 7] as number;
    if ((e | f | g | h) >= 0x80) return undefined;
    text += chars(a, b, c, d, e, f, g, h);
    at += 4;
  }
  for (; at < end; at++) {
    const byte = u8[at] as number;
    if (byte >= 0x80) return undefined;
    text += chars(byte);
  }
  return text;
}

function decodeLong(bytes: Uint8Array, start: number, end: number, isStrict: boolean): string {
  const part = bytes.subarray(start, end);
  const by = isStrict ? strict : decoder;
  try {
    return by.decode(part);
  } catch (error) {
    if (part.buffer instanceof ArrayBuffer) throw error;
    // Browsers refuse memory that is shared.
    return by.decode(new Uint8Array(part));
  }
}

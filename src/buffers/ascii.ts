const chars = String.fromCharCode;

/** The longest text that `readAscii` reads, in bytes. */
export const ASCII_MAX = 24;
const CALL_MAX = 16;
const UNITS: readonly number[][] = Array.from({ length: ASCII_MAX + 1 }, (_, count) =>
  new Array(count).fill(0),
);

/**
 * Returns a short text, or undefined if it is not ASCII. One call with all characters takes half
 * the time of one call per character, because every call and every concatenation makes a string.
 * With `apply` it takes 1.5 times as long.
 */
export function readAscii(u8: Uint8Array, at: number, count: number): string | undefined {
  return count > CALL_MAX ? applyChars(u8, at, count) : callChars(u8, at, count);
}

function applyChars(u8: Uint8Array, at: number, count: number): string | undefined {
  const units = UNITS[count] as number[];
  let bits = 0;
  for (let index = 0; index < count; index++) {
    const byte = u8[at + index];
    bits |= byte;
    units[index] = byte;
  }
  return bits < 0x80 ? chars(...units) : undefined;
}

function callChars(u8: Uint8Array, at: number, count: number): string | undefined {
  if (count === 0) return "";
  const a = u8[at];
  let bits = a;
  if (count === 1) return bits < 0x80 ? chars(a) : undefined;
  const b = u8[at + 1];
  bits |= b;
  if (count === 2) return bits < 0x80 ? chars(a, b) : undefined;
  const c = u8[at + 2];
  bits |= c;
  if (count === 3) return bits < 0x80 ? chars(a, b, c) : undefined;
  const d = u8[at + 3];
  bits |= d;
  if (count === 4) return bits < 0x80 ? chars(a, b, c, d) : undefined;
  const e = u8[at + 4];
  bits |= e;
  if (count === 5) return bits < 0x80 ? chars(a, b, c, d, e) : undefined;
  const f = u8[at + 5];
  bits |= f;
  if (count === 6) return bits < 0x80 ? chars(a, b, c, d, e, f) : undefined;
  const g = u8[at + 6];
  bits |= g;
  if (count === 7) return bits < 0x80 ? chars(a, b, c, d, e, f, g) : undefined;
  const h = u8[at + 7];
  bits |= h;
  if (count === 8) return bits < 0x80 ? chars(a, b, c, d, e, f, g, h) : undefined;
  const i = u8[at + 8];
  bits |= i;
  if (count === 9) return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i) : undefined;
  const j = u8[at + 9];
  bits |= j;
  if (count === 10) return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j) : undefined;
  const k = u8[at + 10];
  bits |= k;
  if (count === 11) return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j, k) : undefined;
  const l = u8[at + 11];
  bits |= l;
  if (count === 12) return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j, k, l) : undefined;
  const m = u8[at + 12];
  bits |= m;
  if (count === 13) return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j, k, l, m) : undefined;
  const n = u8[at + 13];
  bits |= n;
  if (count === 14)
    return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j, k, l, m, n) : undefined;
  const o = u8[at + 14];
  bits |= o;
  if (count === 15)
    return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) : undefined;
  const p = u8[at + 15];
  bits |= p;
  return bits < 0x80 ? chars(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) : undefined;
}

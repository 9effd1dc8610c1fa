/** The bytes of four words that are not ASCII. */
const NOT_ASCII = 0x80808080 | 0;

/**
 * Checks bytes as UTF-8 that may come in pieces. `u8` and `i32` are views of the same memory.
 * `state` is what the piece before has returned, 0 at the start. Returns 0 between two code points;
 * within one a positive number, the next state; or `~index` of the first byte that cannot stand
 * where it does: overlong forms, surrogates and what lies beyond U+10FFFF are refused at their
 * second byte.
 *
 * A state is how many bytes the code point lacks, and the least and the greatest next byte:
 *
 *     | greatest: 8 | least: 8 | lacking: 8 |
 */
export function checkUtf8(
  u8: Uint8Array,
  i32: Int32Array,
  start: number,
  end: number,
  state: number,
): number {
  let next = state;
  for (let at = start; at < end; at++) {
    if (next === 0) at = skipWhole(u8, i32, at, end);
    if (at === end) return 0;
    const byte = u8[at];
    if (next !== 0) {
      if (byte < ((next >>> 8) & 255) || byte > next >>> 16) return ~at;
      next = (next & 255) > 1 ? continuation((next & 255) - 1) : 0;
    } else if (byte >= 0x80) {
      next = begin(byte);
      if (next === 0) return ~at;
    }
  }
  return next;
}

/**
 * Returns the index up to which there are whole code points. It may stop early, where something is
 * wrong or within the last 3 bytes, which are looked at one by one. That takes three times as long.
 */
function skipWhole(u8: Uint8Array, i32: Int32Array, start: number, end: number): number {
  let at = start;
  for (const last = end - 3; at < last; ) {
    const first = u8[at];
    if (first < 0x80) {
      at = skipAscii(u8, i32, at + 1, end);
      continue;
    }
    const second = u8[at + 1];
    if (first < 0xc2 || (second & 0xc0) !== 0x80) return at;
    if (first < 0xe0) {
      at += 2;
      continue;
    }
    if ((u8[at + 2] & 0xc0) !== 0x80) return at;
    const top = ((first & 15) << 6) | (second & 63);
    if (first < 0xf0) {
      // Overlong forms and surrogates.
      if (top < 0x20 || top >> 5 === 0x1b) return at;
      at += 3;
      continue;
    }
    if ((u8[at + 3] & 0xc0) !== 0x80 || first > 0xf4 || top < 0x10 || top > 0x10f) return at;
    at += 4;
  }
  return at;
}

/** Returns whether all bytes are UTF-8. */
export function isUtf8(u8: Uint8Array, i32: Int32Array, start: number, end: number): boolean {
  return checkUtf8(u8, i32, start, end, 0) === 0;
}

function continuation(lacking: number): number {
  return (0xbf << 16) | (0x80 << 8) | lacking;
}

/** Returns the state after the first byte of a longer code point; 0 if it is none. */
function begin(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  if (byte < 0xe0) return continuation(1);
  if (byte < 0xf0) {
    const least = byte === 0xe0 ? 0xa0 : 0x80;
    return ((byte === 0xed ? 0x9f : 0xbf) << 16) | (least << 8) | 2;
  }
  const least = byte === 0xf0 ? 0x90 : 0x80;
  return ((byte === 0xf4 ? 0x8f : 0xbf) << 16) | (least << 8) | 3;
}

/** Returns the index of the next byte that is not ASCII. Whole words are looked at four by four. */
function skipAscii(u8: Uint8Array, i32: Int32Array, start: number, end: number): number {
  let at = start;
  while (at < end && (at & 3) !== 0) {
    if (u8[at] >= 0x80) return at;
    at++;
  }
  let word = at >>> 2;
  for (const last = (end >>> 2) - 3; word < last; word += 4) {
    const bits = i32[word] | i32[word + 1] | i32[word + 2] | i32[word + 3];
    if ((bits & NOT_ASCII) !== 0) break;
  }
  for (at = Math.max(at, word << 2); at < end; at++) if (u8[at] >= 0x80) return at;
  return end;
}

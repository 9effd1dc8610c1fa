/** Below this many bytes a loop is faster than a view, of which the engine is asked. */
const SHORT = 64;

/** Looks for bytes in a stream of pieces, in time of the stream's length (Knuth, Morris, Pratt). */
export class Matcher {
  private readonly wanted: Uint8Array;
  /** How many bytes still match when the byte after so many does not. */
  private readonly borders: Int32Array;
  private matched: number;

  constructor(wanted: Uint8Array) {
    this.wanted = wanted;
    this.borders = new Int32Array(wanted.length + 1);
    this.matched = 0;
    for (let index = 1; index < wanted.length; index++) {
      this.step(wanted[index]);
      this.borders[index + 1] = this.matched;
    }
    this.matched = 0;
  }

  /** Reads a piece. Returns the index after the first match, or -1. */
  scan(u8: Uint8Array, start: number, end: number): number {
    const { length } = this.wanted;
    if (length === 1) {
      const found = findByte(u8, this.wanted[0], start, end);
      return found < 0 ? -1 : found + 1;
    }
    for (let index = start; index < end; index++) {
      this.step(u8[index]);
      if (this.matched === length) return index + 1;
    }
    return -1;
  }

  private step(byte: number): void {
    const { wanted, borders } = this;
    let { matched } = this;
    while (matched > 0 && wanted[matched] !== byte) matched = borders[matched];
    this.matched = wanted[matched] === byte ? matched + 1 : 0;
  }
}

/** Returns the index of the first such byte from `start` to `end`, or -1. */
export function findByte(u8: Uint8Array, byte: number, start: number, end: number): number {
  if (end - start > SHORT) {
    const found = u8.subarray(start, end).indexOf(byte);
    return found < 0 ? -1 : start + found;
  }
  for (let index = start; index < end; index++) if (u8[index] === byte) return index;
  return -1;
}

/** Returns the position of the last match, or -1. */
export function findLast(bytes: Uint8Array, wanted: Uint8Array): number {
  if (wanted.length === 1) return bytes.lastIndexOf(wanted[0]);
  const reversed = new Uint8Array(bytes).reverse();
  const end = new Matcher(new Uint8Array(wanted).reverse()).scan(reversed, 0, reversed.length);
  return end < 0 ? -1 : bytes.length - end;
}

/** Returns -1, 0 or 1 as the first bytes sort before, with or after the second ones. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const common = Math.min(left.length, right.length);
  for (let index = 0; index < common; index++) {
    if (left[index] !== right[index]) return left[index] < right[index] ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

/** Copies bytes of one array to another. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length > SHORT) {
    target.set(from.subarray(start, start + length), at);
    return;
  }
  for (let index = 0; index < length; index++) target[at + index] = from[start + index];
}

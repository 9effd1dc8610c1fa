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

/** Returns -1, 0 or 1 as the bytes of the first list of pieces sort before, with or after. */
export function compareRuns(left: readonly Uint8Array[], right: readonly Uint8Array[]): number {
  let index = 0;
  let at = 0;
  for (const run of left) {
    for (let position = 0; position < run.length; ) {
      while (index < right.length && at === (right[index] as Uint8Array).length) {
        index++;
        at = 0;
      }
      if (index === right.length) return 1;
      const other = right[index] as Uint8Array;
      const count = Math.min(run.length - position, other.length - at);
      const order = compareBytes(run, position, other, at, count);
      if (order !== 0) return order;
      position += count;
      at += count;
    }
  }
  const isEnd = right.slice(index).every((run, next) => run.length === (next === 0 ? at : 0));
  return isEnd ? 0 : -1;
}

function compareBytes(
  left: Uint8Array,
  from: number,
  right: Uint8Array,
  at: number,
  count: number,
): number {
  for (let index = 0; index < count; index++) {
    const difference = left[from + index] - right[at + index];
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return 0;
}

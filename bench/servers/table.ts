import type { Heap, Ptr } from "hakmem";

const FIRST_SLOTS = 1024;
/** Words of an entry: the key's ptr and length, the value's ptr and length, the hash. */
const KEY = 0;
const KEY_LENGTH = 1;
const VALUE = 2;
const VALUE_LENGTH = 3;
const HASH = 4;
const WORDS = 5;

/** A hash table from bytes to bytes, with linear probing. Keys and values are blocks of a heap. */
export class BytesTable {
  size: number;
  private readonly heap: Heap;
  private entries: Int32Array;
  private mask: number;

  constructor(heap: Heap) {
    this.heap = heap;
    this.size = 0;
    this.mask = FIRST_SLOTS - 1;
    this.entries = new Int32Array(FIRST_SLOTS * WORDS);
  }

  /** Returns the index of a key's entry, or of the empty one where it would be. */
  private find(key: number, length: number, hash: number): number {
    const { u8 } = this.heap;
    for (let slot = hash & this.mask; ; slot = (slot + 1) & this.mask) {
      const entry = slot * WORDS;
      const own = this.entries[entry + KEY] as number;
      if (own === 0) return entry;
      if (this.entries[entry + HASH] !== hash || this.entries[entry + KEY_LENGTH] !== length) {
        continue;
      }
      let index = 0;
      while (index < length && u8[own + index] === u8[key + index]) index++;
      if (index === length) return entry;
    }
  }

  /** Returns the ptr of a key's value, and leaves its length in `lengthFound`; 0 if none. */
  get(key: number, length: number): number {
    const entry = this.find(key, length, hashOf(this.heap.u8, key, length));
    if (this.entries[entry + KEY] === 0) return 0;
    this.lengthFound = this.entries[entry + VALUE_LENGTH] as number;
    return this.entries[entry + VALUE] as number;
  }
  lengthFound = 0;

  set(key: number, keyLength: number, value: number, length: number): void {
    const { heap } = this;
    const hash = hashOf(heap.u8, key, keyLength);
    const entry = this.find(key, keyLength, hash);
    const { entries } = this;
    if (entries[entry + KEY] !== 0) {
      const old = entries[entry + VALUE] as Ptr;
      const block = entries[entry + VALUE_LENGTH] === length ? old : heap.malloc(length);
      heap.u8.copyWithin(block, value, value + length);
      if (block !== old) heap.free(old);
      entries[entry + VALUE] = block;
      entries[entry + VALUE_LENGTH] = length;
      return;
    }
    entries[entry + VALUE] = this.copy(value, length);
    entries[entry + VALUE_LENGTH] = length;
    entries[entry + KEY] = this.copy(key, keyLength);
    entries[entry + KEY_LENGTH] = keyLength;
    entries[entry + HASH] = hash;
    if (++this.size > this.mask >> 1) this.grow();
  }

  delete(key: number, length: number): boolean {
    const { entries, heap } = this;
    const entry = this.find(key, length, hashOf(heap.u8, key, length));
    if (entries[entry + KEY] === 0) return false;
    heap.free(entries[entry + KEY] as Ptr);
    heap.free(entries[entry + VALUE] as Ptr);
    this.size--;
    this.closeGap(entry / WORDS);
    return true;
  }

  clear(): void {
    for (let entry = 0; entry < this.entries.length; entry += WORDS) {
      this.heap.free(this.entries[entry + KEY] as Ptr);
      this.heap.free(this.entries[entry + VALUE] as Ptr);
    }
    this.entries.fill(0);
    this.size = 0;
  }

  private copy(from: number, length: number): Ptr {
    const ptr = this.heap.malloc(length);
    this.heap.u8.copyWithin(ptr, from, from + length);
    return ptr;
  }

  /** Moves later entries of the run back, so that no probe ends at the gap. */
  private closeGap(gap: number): void {
    const { entries, mask } = this;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const entry = slot * WORDS;
      if (entries[entry + KEY] === 0) break;
      const home = (entries[entry + HASH] as number) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      entries.copyWithin(gap * WORDS, entry, entry + WORDS);
      gap = slot;
    }
    entries.fill(0, gap * WORDS, (gap + 1) * WORDS);
  }

  private grow(): void {
    const old = this.entries;
    this.mask = 2 * this.mask + 1;
    this.entries = new Int32Array((this.mask + 1) * WORDS);
    for (let entry = 0; entry < old.length; entry += WORDS) {
      if (old[entry + KEY] === 0) continue;
      let slot = (old[entry + HASH] as number) & this.mask;
      while (this.entries[slot * WORDS] !== 0) slot = (slot + 1) & this.mask;
      this.entries.set(old.subarray(entry, entry + WORDS), slot * WORDS);
    }
  }
}

/** Returns the FNV-1a hash of a range of bytes. */
function hashOf(u8: Uint8Array, start: number, length: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < start + length; at++) {
    hash = Math.imul(hash ^ (u8[at] as number), 0x01000193);
  }
  return hash;
}

/**
 * A hash table whose keys and values are blocks of a heap. The garbage collector sees one array of
 * numbers, however many keys there are. Keys and values are passed as ranges of the heap's bytes.
 */

const FIRST_SLOTS = 1024;
/** Half as many keys are the most. The array of slots takes 512 MiB then. */
const MOST_SLOTS = 2 ** 26;
/** Ptrs are kept as signed words. */
const MOST_HEAP_BYTES = 2 ** 31;

/*
 * An entry is a block:
 *
 *     0         4           8              16
 *     keyBytes  replyBytes  expires at ms  key, then "$" length CR LF value CR LF
 *
 * A value is kept in the form in which RESP sends it. So GET sends one piece of memory.
 */
const KEY_BYTES = 0;
const REPLY_BYTES = 1;
const EXPIRY = 1;
const HEADER_BYTES = 16;

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const ZERO = 48;

export const NEVER = Infinity;

export class Table {
  /** How many keys there are. Those that have expired count until they are found. */
  size = 0;
  /** The bytes of their blocks. */
  bytes = 0;
  /** @type {import("hakmem").Heap} */
  #heap;
  #maximum;
  #words;
  #times;
  /** Two words a slot: the ptr of an entry, or 0, and the hash of its key. */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;
  /** The slot where `sweep` goes on. */
  #swept = 0;

  /**
   * @param {import("hakmem").Heap} heap of 2 GiB or less
   * @param {number} maximum the most bytes of all entries
   */
  constructor(heap, maximum) {
    if (heap.u8.length > MOST_HEAP_BYTES) throw new RangeError("the heap has more than 2 GiB");
    this.#heap = heap;
    this.#maximum = maximum;
    this.#words = new Int32Array(heap.buffer);
    this.#times = new Float64Array(heap.buffer);
  }

  /** Returns the entry of a key; 0 if there is none, or if it has expired. */
  get(key, length) {
    const slot = this.#find(key, length, hashOf(this.#heap.u8, key, length));
    const entry = this.#slots[slot];
    if (entry === 0 || this.expiryOf(entry) === NEVER) return entry;
    if (this.expiryOf(entry) > Date.now()) return entry;
    this.#remove(slot);
    return 0;
  }

  /** Where the value of an entry is, as a reply: "$", its length, CR LF, its bytes, CR LF. */
  replyOf(entry) {
    return entry + HEADER_BYTES + this.#words[(entry >> 2) + KEY_BYTES];
  }

  replyLength(entry) {
    return this.#words[(entry >> 2) + REPLY_BYTES];
  }

  /** How many bytes the value of an entry has. */
  valueLength(entry) {
    const length = this.replyLength(entry);
    // As many digits as the length has that is left when they are taken away.
    let digits = 1;
    while (10 ** digits <= length - 5 - digits) digits++;
    return length - 5 - digits;
  }

  /** When an entry expires, in ms since 1970. */
  expiryOf(entry) {
    return this.#times[(entry >> 3) + EXPIRY];
  }

  setExpiry(entry, expiry) {
    this.#times[(entry >> 3) + EXPIRY] = expiry;
  }

  /**
   * Sets the value of a key, which may lie anywhere. Returns false, and changes nothing, if there
   * is no memory for it.
   * @param {Uint8Array} source where the value is
   */
  set(key, keyLength, source, offset, length, expiry) {
    const { u8 } = this.#heap;
    const hash = hashOf(u8, key, keyLength);
    const slot = this.#find(key, keyLength, hash);
    const old = this.#slots[slot];
    const digits = digitsOf(length);
    const replyLength = length + digits + 5;
    let entry = old;
    if (old === 0 || this.replyLength(old) !== replyLength) {
      entry = this.#allocate(keyLength, replyLength, old);
      if (entry === 0) return false;
      u8.copyWithin(entry + HEADER_BYTES, key, key + keyLength);
      this.#slots[slot] = entry;
      this.#slots[slot + 1] = hash;
    }
    this.setExpiry(entry, expiry);
    const at = this.replyOf(entry) + digits + 3;
    putLength(u8, at, length);
    if (source === u8) u8.copyWithin(at, offset, offset + length);
    else u8.set(source.subarray(offset, offset + length), at);
    u8[at + length] = CR;
    u8[at + length + 1] = LF;
    if (old === 0) this.#added();
    else if (old !== entry) this.#free(old);
    return true;
  }

  /** Returns whether the key was there. */
  delete(key, length) {
    if (this.get(key, length) === 0) return false;
    this.#remove(this.#find(key, length, hashOf(this.#heap.u8, key, length)));
    return true;
  }

  clear() {
    for (let slot = 0; slot < this.#slots.length; slot += 2) {
      if (this.#slots[slot] !== 0) this.#free(this.#slots[slot]);
    }
    this.#slots = new Int32Array(2 * FIRST_SLOTS);
    this.#mask = FIRST_SLOTS - 1;
    this.size = 0;
  }

  /** Frees what has expired in the next slots, in turn. */
  sweep(count) {
    const now = Date.now();
    for (let left = Math.min(count, this.#mask + 1); left > 0; left--) {
      this.#swept = (this.#swept + 1) & this.#mask;
      const entry = this.#slots[2 * this.#swept];
      if (entry !== 0 && this.expiryOf(entry) <= now) this.#remove(2 * this.#swept);
    }
  }

  /**
   * Returns the slot of a key, or the empty one where it would be: the first that fits, from the
   * place on that its hash names.
   */
  #find(key, length, hash) {
    const { u8 } = this.#heap;
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const entry = this.#slots[2 * at];
      if (entry === 0) return 2 * at;
      if (this.#slots[2 * at + 1] !== hash) continue;
      if (this.#words[(entry >> 2) + KEY_BYTES] !== length) continue;
      const own = entry + HEADER_BYTES;
      let index = 0;
      while (index < length && u8[own + index] === u8[key + index]) index++;
      if (index === length) return 2 * at;
    }
  }

  /**
   * Returns an entry for a key; 0 if the table, with `old` gone, or the heap has no room for it.
   */
  #allocate(keyLength, replyLength, old) {
    const bytes = HEADER_BYTES + keyLength + replyLength;
    const left = old === 0 ? 0 : this.#bytesOf(old);
    if (this.bytes - left + bytes > this.#maximum) return 0;
    if (old === 0 && this.size === MOST_SLOTS / 2) return 0;
    let entry;
    try {
      entry = this.#heap.malloc(bytes);
    } catch {
      return 0;
    }
    this.bytes += bytes;
    this.#words[(entry >> 2) + KEY_BYTES] = keyLength;
    this.#words[(entry >> 2) + REPLY_BYTES] = replyLength;
    return entry;
  }

  #bytesOf(entry) {
    return HEADER_BYTES + this.#words[(entry >> 2) + KEY_BYTES] + this.replyLength(entry);
  }

  #free(entry) {
    this.bytes -= this.#bytesOf(entry);
    this.#heap.free(/** @type {import("hakmem").Ptr} */ (entry));
  }

  #remove(slot) {
    this.#free(this.#slots[slot]);
    this.size--;
    this.#closeGap(slot / 2);
  }

  /** Moves later entries of the run back, so that no search ends at the gap. */
  #closeGap(gap) {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let at = (gap + 1) & mask; slots[2 * at] !== 0; at = (at + 1) & mask) {
      const home = slots[2 * at + 1] & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots.copyWithin(2 * gap, 2 * at, 2 * at + 2);
      gap = at;
    }
    slots.fill(0, 2 * gap, 2 * gap + 2);
  }

  /** Makes the table twice as large when it is half full. */
  #added() {
    if (++this.size <= this.#mask >> 1) return;
    const old = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Int32Array(2 * (this.#mask + 1));
    for (let slot = 0; slot < old.length; slot += 2) {
      if (old[slot] === 0) continue;
      let at = old[slot + 1] & this.#mask;
      while (this.#slots[2 * at] !== 0) at = (at + 1) & this.#mask;
      this.#slots[2 * at] = old[slot];
      this.#slots[2 * at + 1] = old[slot + 1];
    }
  }
}

/** Writes "$", a length, CR and LF so that they end in front of `end`. */
function putLength(u8, end, length) {
  u8[--end] = LF;
  u8[--end] = CR;
  let left = length;
  do {
    u8[--end] = ZERO + (left % 10);
    left = (left / 10) | 0;
  } while (left > 0);
  u8[--end] = DOLLAR;
}

function digitsOf(length) {
  let digits = 1;
  for (let left = length; left > 9; left = (left / 10) | 0) digits++;
  return digits;
}

/** How each run of a server spreads its keys: a peer cannot know which keys meet. */
const SEED = (Math.random() * 2 ** 32) | 0;

/** Returns a hash of a range of bytes. */
function hashOf(u8, start, length) {
  let hash = SEED;
  for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ u8[at], 0x01000193);
  return hash ^ (hash >>> 15);
}

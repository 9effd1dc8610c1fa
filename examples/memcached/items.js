/**
 * The items of a cache: a Map from keys to values, which are `Bytes` in a heap. Whoever sends a
 * value takes a slice of it, which stays as it is when the item is replaced or deleted meanwhile.
 */

/**
 * @typedef {object} Item
 * @property {import("hakmem/buffers").Bytes} value
 * @property {number} flags
 * @property {number} expiry when it expires, in ms since 1970
 * @property {number} storedAt
 * @property {bigint} cas changes with every change of the item
 */

/** What an item takes besides its bytes: the object, the handle, the key, the place in the Map. */
const OVERHEAD_BYTES = 400;
/** From this number of seconds on, a time is not counted from now, but from 1970. */
const MONTH_S = 60 * 60 * 24 * 30;
const U64 = 2n ** 64n;

export class Items {
  /** How often what was asked for was there, or not. */
  hits = 0;
  misses = 0;
  /** What all items take. */
  bytes = 0;
  maximum;
  /** @type {Map<string, Item>} */
  #items = new Map();
  #pool;
  #itemBytes;
  #lastCas = 0n;
  /** Items that were stored before this time are gone when it has come. */
  #flushAt = 0;
  #sweep = this.#items.entries();

  /**
   * @param {import("hakmem/buffers").BytesPool} pool
   * @param {number} maximum the most bytes of all items
   * @param {number} itemBytes the most bytes of a value
   */
  constructor(pool, maximum, itemBytes) {
    this.#pool = pool;
    this.maximum = maximum;
    this.#itemBytes = itemBytes;
  }

  get count() {
    return this.#items.size;
  }

  /** Returns an item; undefined if there is none, or if it has expired. */
  get(key) {
    const item = this.#items.get(key);
    if (item === undefined || !this.#isGone(item)) return item;
    this.#remove(key, item);
    return undefined;
  }

  /** Returns an item for somebody who asked for it, and counts that. */
  look(key) {
    const item = this.get(key);
    if (item === undefined) this.misses++;
    else this.hits++;
    return item;
  }

  /**
   * Stores a value, which is taken over: always, or only where there is no item ("add") or where
   * there is one ("replace"), or behind ("append") or in front of ("prepend") the value there.
   * @param {bigint | undefined} cas what the item's must be, if that matters
   */
  store(mode, key, value, flags, expiry, cas) {
    const item = this.get(key);
    const refusal = this.#refusal(mode, item, cas);
    if (refusal !== undefined) {
      value.release();
      return refusal;
    }
    const isJoin = item !== undefined && (mode === "append" || mode === "prepend");
    if (!isJoin) return this.#put(key, value, flags, expiry);
    const [first, second] = mode === "append" ? [item.value, value] : [value, item.value];
    const chain = first.concat(second);
    value.release();
    return this.#put(key, chain, item.flags, item.expiry);
  }

  /** Returns "STORED" if the item is gone now. */
  delete(key, cas) {
    const item = this.get(key);
    if (item === undefined) return "NOT_FOUND";
    if (cas !== undefined && cas !== item.cas) return "EXISTS";
    this.#remove(key, item);
    return "STORED";
  }

  /**
   * Adds to the number that an item is, or takes away. Returns it, or what is wrong: a number wraps
   * above 2^64 - 1, and stops at 0.
   */
  add(key, amount, cas) {
    const item = this.get(key);
    if (item === undefined) return "NOT_FOUND";
    if (cas !== undefined && cas !== item.cas) return "EXISTS";
    const text = item.value.length > 20 ? "" : item.value.toString("latin1");
    if (!/^[0-9]+ *$/.test(text)) return "NOT_A_NUMBER";
    const sum = BigInt(text.trimEnd()) + amount;
    const value = sum < 0n ? 0n : sum % U64;
    const stored = this.storeText("set", key, String(value), item.flags, item.expiry);
    return stored === "STORED" ? value : stored;
  }

  storeText(mode, key, text, flags, expiry) {
    let value;
    try {
      value = this.#pool.from(text);
    } catch {
      return "OUT_OF_MEMORY";
    }
    return this.store(mode, key, value, flags, expiry, undefined);
  }

  forgetCounts() {
    this.hits = 0;
    this.misses = 0;
  }

  /** Sets when an item expires; returns it. */
  touch(key, expiry) {
    const item = this.get(key);
    if (item !== undefined) item.expiry = expiry;
    return item;
  }

  /** Forgets all items, or those of before a time when that has come. */
  flush(time) {
    if (time > Date.now()) this.#flushAt = time;
    else this.clear();
  }

  clear() {
    for (const [key, item] of this.#items) this.#remove(key, item);
  }

  /** Releases what is gone of the next items, in turn. */
  sweep(count) {
    for (let left = Math.min(count, this.#items.size); left > 0; left--) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#items.entries();
        continue;
      }
      const [key, item] = next.value;
      if (this.#isGone(item)) this.#remove(key, item);
    }
  }

  #isGone(item) {
    const now = Date.now();
    return item.expiry <= now || (item.storedAt < this.#flushAt && this.#flushAt <= now);
  }

  #refusal(mode, item, cas) {
    if (cas !== undefined) {
      if (item === undefined) return "NOT_FOUND";
      if (item.cas !== cas) return "EXISTS";
    }
    if (mode === "add") return item === undefined ? undefined : "NOT_STORED";
    return mode === "set" || item !== undefined ? undefined : "NOT_STORED";
  }

  /** Puts a value in the place of another one, and releases that. */
  #put(key, value, flags, expiry) {
    const old = this.#items.get(key);
    const left = old === undefined ? 0 : sizeOf(key, old.value);
    const bytes = this.bytes - left + sizeOf(key, value);
    const isLong = value.length > this.#itemBytes;
    let own;
    // The value may be a part of what came, or a chain: a copy in one block holds nothing else.
    try {
      if (!isLong && bytes <= this.maximum) own = value.compact();
    } catch {
      // The heap is full.
    }
    value.release();
    if (own === undefined) return isLong ? "TOO_LARGE" : "OUT_OF_MEMORY";
    this.bytes = bytes;
    const cas = ++this.#lastCas;
    this.#items.set(key, { value: own, flags, expiry, storedAt: Date.now(), cas });
    old?.value.release();
    return "STORED";
  }

  #remove(key, item) {
    this.#items.delete(key);
    this.bytes -= sizeOf(key, item.value);
    item.value.release();
  }
}

function sizeOf(key, value) {
  return key.length + value.length + OVERHEAD_BYTES;
}

/** Returns when something expires, in ms since 1970: 0 is never, and what is negative at once. */
export function expiryOf(seconds) {
  if (seconds === 0) return Infinity;
  if (seconds < 0) return 0;
  return seconds > MONTH_S ? seconds * 1000 : Date.now() + seconds * 1000;
}

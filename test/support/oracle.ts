import { Buffer } from "node:buffer";
import type { BlockInfo, Heap, HeapStats, Ptr } from "../../src/index.js";

/*
 * A second opinion on a heap: which block owns each granule, and what each byte holds. It knows
 * what the public API promises, and nothing about how the allocator keeps its promises.
 */

const GRANULE_BYTES = 16;
const SLAB_BYTES = 65536;
/** Blocks up to here are filled and checked word by word; calls to Buffer cost more. */
const WORD_LOOP_MAX_BYTES = 256;
const TABLE_WORDS = 16384;

/** Pseudo-random bytes, twice as long as a chunk: a pattern starts anywhere in the first half. */
const table: Buffer = Buffer.alloc(8 * TABLE_WORDS);
const tableWords: Int32Array = new Int32Array(table.buffer, table.byteOffset, 2 * TABLE_WORDS);
for (let index = 0, state = 1; index < tableWords.length; index++) {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  tableWords[index] = state ^ (state >>> 15);
}
const CHUNK_BYTES: number = 4 * TABLE_WORDS;
const zeros: Buffer = Buffer.alloc(CHUNK_BYTES);

function fail(message: string): never {
  throw new Error(`oracle: ${message}`);
}

/** Returns the word of the table at which a block's pattern starts. */
function patternStart(seed: number): number {
  return Math.imul(seed, 0x9e3779b1) >>> 18;
}

/** Returns the word of the table at which chunk `chunk` of a pattern starts. */
function chunkStart(start: number, chunk: number): number {
  return (start + chunk * 4099) & (TABLE_WORDS - 1);
}

export class Oracle {
  /** The live ptrs, in no order, for tests to pick from. */
  readonly ptrs: number[] = [];
  /** Blocks allocated so far. */
  allocations = 0;
  /** The granule number of the block that owns a granule; 0 is none. */
  private readonly owners: Int32Array;
  /*
   * What is known about a live block, by its first granule. With a map by ptr, a trace of 100,000
   * live blocks took four times as long.
   */
  private readonly sizes: Int32Array;
  private readonly usables: Int32Array;
  private readonly seeds: Int32Array;
  /** Where the ptr stands in `ptrs`. */
  private readonly places: Int32Array;
  private readonly capacityBytes: number;
  private heap: Heap;
  private bytes: Buffer;
  private words: Int32Array;

  constructor(heap: Heap) {
    this.capacityBytes = heap.options.capacity;
    const granules = this.capacityBytes / GRANULE_BYTES;
    this.owners = new Int32Array(granules);
    this.sizes = new Int32Array(granules);
    this.usables = new Int32Array(granules);
    this.seeds = new Int32Array(granules);
    this.places = new Int32Array(granules);
    this.heap = heap;
    this.bytes = Buffer.from(heap.buffer, 0, this.capacityBytes);
    this.words = heap.i32;
  }

  /** Goes on with another heap that should hold the same blocks. */
  attach(heap: Heap): void {
    if (heap.options.capacity !== this.capacityBytes) fail("the capacity changed");
    this.heap = heap;
    this.bytes = Buffer.from(heap.buffer, 0, this.capacityBytes);
    this.words = heap.i32;
  }

  get count(): number {
    return this.ptrs.length;
  }

  isLive(ptr: number): boolean {
    const granule = ptr / GRANULE_BYTES;
    return granule > 0 && this.owners[granule] === granule;
  }

  sizeOf(ptr: number): number {
    return this.sizes[this.liveGranule(ptr)] as number;
  }

  usableOf(ptr: number): number {
    return this.usables[this.liveGranule(ptr)] as number;
  }

  /** Takes note of a new block, and fills it. */
  allocated(ptr: number, size: number, alignment: number = GRANULE_BYTES): void {
    this.claim(ptr, size, alignment);
    this.refill(ptr, size);
  }

  /** Like `allocated`, for a block that must be all 0. */
  allocatedZeroed(ptr: number, size: number): void {
    this.claim(ptr, size, GRANULE_BYTES);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const bytes = Math.min(CHUNK_BYTES, size - at);
      const same = this.bytes.compare(zeros, 0, bytes, ptr + at, ptr + at + bytes) === 0;
      if (!same) fail(`calloc(${size}) at ${ptr} is not all 0`);
    }
    this.refill(ptr, size);
  }

  /** Takes over a block of unknown contents, such as one that an opened heap holds. */
  adopt(ptr: number, size: number): void {
    this.allocated(ptr, size);
  }

  /** Checks, before a free or a realloc, that the block still holds what was written to it. */
  check(ptr: number): void {
    const granule = this.liveGranule(ptr);
    this.checkPattern(ptr, this.sizes[granule] as number, this.seeds[granule] as number);
  }

  /** Forgets a block, which the heap has freed. */
  freed(ptr: number): void {
    const start = this.liveGranule(ptr);
    const end = start + (this.usables[start] as number) / GRANULE_BYTES;
    for (let granule = start; granule < end; granule++) this.owners[granule] = 0;
    const last = this.ptrs.pop();
    if (last === undefined || last === ptr) return;
    const place = this.places[start] as number;
    this.ptrs[place] = last;
    this.places[last / GRANULE_BYTES] = place;
  }

  /** Takes note of a realloc, checks what it kept, and fills the block anew. */
  reallocated(ptr: number, to: number, size: number): void {
    const granule = this.liveGranule(ptr);
    const before = this.sizes[granule] as number;
    const seed = this.seeds[granule] as number;
    this.freed(ptr);
    this.claim(to, size, GRANULE_BYTES);
    this.checkPattern(to, Math.min(before, size), seed);
    this.refill(to, size);
  }

  /** Forgets every block. */
  reset(): void {
    this.ptrs.length = 0;
    this.owners.fill(0);
  }

  /** Checks every byte of every live block. */
  checkAll(): void {
    for (const ptr of this.ptrs) {
      const usable = this.usableOf(ptr);
      if (this.heap.usableSize(ptr as Ptr) !== usable) fail(`usableSize(${ptr}) changed`);
      this.check(ptr);
    }
  }

  /** Returns whether a live block owns the granule at this offset, which may lie anywhere. */
  ownsGranule(offset: number): boolean {
    return (this.owners[offset / GRANULE_BYTES] ?? 0) !== 0;
  }

  /** Returns whether any live block lies in these bytes. */
  touchesLive(start: number, end: number): boolean {
    const last = Math.ceil(end / GRANULE_BYTES);
    for (let granule = start >>> 4; granule < last; granule++) {
      if (this.owners[granule] !== 0) return true;
    }
    return false;
  }

  /** Checks that stats, the walk and the oracle count the same blocks and bytes. */
  conservation(heap: Heap = this.heap): HeapStats {
    const stats = heap.stats();
    let usableBytes = 0;
    let spanSlabs = 0;
    let spans = 0;
    for (const ptr of this.ptrs) {
      const usable = this.usableOf(ptr);
      usableBytes += usable;
      if (usable <= SLAB_BYTES) continue;
      spans++;
      spanSlabs += Math.ceil(usable / SLAB_BYTES);
    }
    same("live.blocks", stats.live.blocks, this.count);
    same("live.bytes", stats.live.bytes, usableBytes);
    same("spans.blocks", stats.spans.blocks, spans);
    same("slabs.inUse", stats.slabs.inUse, checkClasses(stats) + spanSlabs);
    checkTotals(stats);
    this.checkWalk(heap, stats);
    return stats;
  }

  /** Checks that a walk yields exactly the live blocks as live, in address order. */
  private checkWalk(heap: Heap, stats: HeapStats): void {
    const seen = { live: 0, cached: 0, free: 0 };
    let end = 0;
    for (const block of heap.blocks()) {
      if (block.ptr < end) fail(`the walk's block ${block.ptr} starts before ${end}`);
      end = block.ptr + block.size;
      seen[block.state]++;
      this.checkWalked(block);
    }
    same("walked live", seen.live, this.count);
    same("walked cached", seen.cached, stats.cached.blocks);
    same("walked free", seen.free, stats.free.blocks);
  }

  private checkWalked({ ptr, size, state }: BlockInfo): void {
    const isLive = this.isLive(ptr);
    if (isLive !== (state === "live")) fail(`the walk says ${ptr} is ${state}`);
    if (isLive) same(`walked size of ${ptr}`, size, this.usableOf(ptr));
    else if (this.touchesLive(ptr, ptr + size)) fail(`${state} block ${ptr} overlaps a live one`);
  }

  private liveGranule(ptr: number): number {
    return this.isLive(ptr) ? ptr / GRANULE_BYTES : fail(`${ptr} is not live`);
  }

  private claim(ptr: number, size: number, alignment: number): void {
    if (!Number.isInteger(ptr) || ptr <= 0) fail(`malloc(${size}) gave ${ptr}`);
    if (ptr % GRANULE_BYTES !== 0 || ptr % alignment !== 0)
      fail(`${ptr} (${size} bytes) is not aligned to ${Math.max(alignment, GRANULE_BYTES)}`);
    const usable = this.heap.usableSize(ptr as Ptr);
    if (usable < size || usable % GRANULE_BYTES !== 0)
      fail(`usableSize(${ptr}) is ${usable}, asked for ${size}`);
    if (ptr + usable > this.capacityBytes) fail(`${ptr} of ${usable} bytes ends outside`);
    const { owners } = this;
    const start = ptr / GRANULE_BYTES;
    const end = start + usable / GRANULE_BYTES;
    for (let granule = start; granule < end; granule++) {
      const owner = owners[granule] as number;
      if (owner !== 0) fail(`${ptr} (${usable} bytes) overlaps live ${owner * GRANULE_BYTES}`);
      owners[granule] = start;
    }
    this.sizes[start] = size;
    this.usables[start] = usable;
    this.places[start] = this.ptrs.length;
    this.ptrs.push(ptr);
  }

  private refill(ptr: number, size: number): void {
    const seed = ++this.allocations;
    this.seeds[ptr / GRANULE_BYTES] = seed;
    const start = patternStart(seed);
    if (size > WORD_LOOP_MAX_BYTES) {
      for (let at = 0, chunk = 0; at < size; at += CHUNK_BYTES, chunk++) {
        const from = 4 * chunkStart(start, chunk);
        table.copy(this.bytes, ptr + at, from, from + Math.min(CHUNK_BYTES, size - at));
      }
      return;
    }
    const { bytes, words } = this;
    const first = ptr >>> 2;
    const whole = size >>> 2;
    for (let word = 0; word < whole; word++) {
      words[first + word] = tableWords[start + word] as number;
    }
    for (let at = whole * 4; at < size; at++) bytes[ptr + at] = table[4 * start + at] as number;
  }

  private checkPattern(ptr: number, size: number, seed: number): void {
    if (!this.holdsPattern(ptr, size, patternStart(seed)))
      fail(`a byte of live ${ptr} (${size} bytes) is not what was written there`);
  }

  private holdsPattern(ptr: number, size: number, start: number): boolean {
    const { bytes, words } = this;
    if (size > WORD_LOOP_MAX_BYTES) {
      for (let at = 0, chunk = 0; at < size; at += CHUNK_BYTES, chunk++) {
        const from = 4 * chunkStart(start, chunk);
        const length = Math.min(CHUNK_BYTES, size - at);
        if (bytes.compare(table, from, from + length, ptr + at, ptr + at + length) !== 0)
          return false;
      }
      return true;
    }
    const first = ptr >>> 2;
    const whole = size >>> 2;
    for (let word = 0; word < whole; word++) {
      if (words[first + word] !== tableWords[start + word]) return false;
    }
    for (let at = whole * 4; at < size; at++) {
      if (bytes[ptr + at] !== table[4 * start + at]) return false;
    }
    return true;
  }
}

function same(what: string, found: number, expected: number): void {
  if (found !== expected) fail(`${what} is ${found}, expected ${expected}`);
}

/** Checks that blocks and uncarved bytes fill each class's slabs but for a tail per slab. */
function checkClasses(stats: HeapStats): number {
  let slabs = 0;
  for (const own of stats.classes) {
    const blocks = own.live.blocks + own.cached.blocks + own.free.blocks;
    const rest = own.slabs * SLAB_BYTES - blocks * own.blockBytes - own.uncarvedBytes;
    const tailBytes = SLAB_BYTES % own.blockBytes;
    same(`class ${own.class}: bytes that are no block's`, rest, own.slabs * tailBytes);
    const isCounted = own.live.blocks >= 0 && own.cached.blocks >= 0 && own.free.blocks >= 0;
    if (!isCounted) fail(`class ${own.class} counts fewer than 0 blocks`);
    slabs += own.slabs;
  }
  return slabs;
}

function checkTotals(stats: HeapStats): void {
  const { slabs, live, cached, free } = stats;
  const all = slabs.inUse + slabs.pooled + slabs.unused + stats.metadataBytes / SLAB_BYTES;
  same("slabs in total", all, stats.capacityBytes / SLAB_BYTES);
  same("pooledBytes", stats.pooledBytes, (slabs.pooled + slabs.unused) * SLAB_BYTES);
  if (stats.committedBytes > stats.peakCommittedBytes) fail("more is committed than ever was");
  if (stats.peakCommittedBytes > stats.capacityBytes) fail("more is committed than there is");
  if (live.bytes + cached.bytes + free.bytes > stats.committedBytes)
    fail(`${stats.committedBytes} bytes are committed, but blocks have more`);
}

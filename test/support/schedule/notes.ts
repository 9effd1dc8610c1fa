import { isLiveSpan, ownerOf } from "../../../src/central/states.js";
import { GRANULE_SHIFT, headerClass, LIVE } from "../../../src/layout/header.js";
import { markAt, workerMark } from "../../../src/layout/mark.js";
import { metadataOffset } from "../../../src/layout/metadata.js";
import { sharedLayout } from "../../../src/layout/sharedMetadata.js";
import { SPAN_CLASS } from "../../../src/layout/sizeClasses.js";
import { ptrToSlab } from "../../../src/layout/units.js";
import * as C from "./control.js";

/*
 * What threads note about blocks, so that a run can be checked: who holds what, what recoveries
 * have listed, and a pattern in each block. None of it is scheduled.
 *
 * A granule's word has the run's number, and in its lowest bits:
 */
/** Somebody holds the block that starts there. */
const HELD = 1;
/** A recovery has listed the block, and nobody has taken it since. */
const LISTED = 2;
/** That recovery has freed it. */
const FREED = 4;
/** A recovery of this run has listed it. */
const EVER = 8;
/** A thread took it, or had it in hand, while another one recovered a worker. */
const EXCUSED = 16;
const EPOCH_SHIFT = 5;
const FLAGS: number = (1 << EPOCH_SHIFT) - 1;

/** Words of a pattern; it has more in the middle and at the end of the block. */
const SEAL = 0;
const SIZE = 1;
const HOLDER = 2;

export function fail(message: string): never {
  throw new Error(message);
}

function mix(ptr: number, size: number, holder: number, place: number): number {
  const hash = Math.imul(ptr ^ Math.imul(size, 0x2c1b3c6d), 0x297a2d39) ^ (holder << 8) ^ place;
  return Math.imul(hash ^ (hash >>> 15), 0x1b56c4e9) | 1;
}

export class Notes {
  private readonly control: Int32Array;
  private readonly words: Int32Array;
  private readonly headers: Uint8Array;
  private readonly states: Int32Array;

  constructor(control: Int32Array, buffer: SharedArrayBuffer, capacity: number, workers: number) {
    this.control = control;
    const start = metadataOffset(capacity);
    const { slabs, states } = sharedLayout(capacity, workers);
    this.words = new Int32Array(buffer, 0, capacity >> 2);
    this.headers = new Uint8Array(buffer, 0, start);
    this.states = new Int32Array(buffer, start + 4 * states, slabs);
  }

  private flags(ptr: number): number {
    const word = this.control[C.GRANULES + (ptr >>> GRANULE_SHIFT)] as number;
    return word >>> EPOCH_SHIFT === this.control[C.EPOCH] ? word & FLAGS : 0;
  }

  private setFlags(ptr: number, flags: number): void {
    const { control } = this;
    const word = (control[C.EPOCH] << EPOCH_SHIFT) | flags;
    control[C.GRANULES + (ptr >>> GRANULE_SHIFT)] = word;
  }

  /** Begins a run: the blocks that the threads have then are held. */
  begin(): void {
    const { control } = this;
    control[C.EPOCH]++;
    control[C.RECOVERED] = 0;
    control[C.UNFILLED] = 0;
    control.fill(0, C.IN_OP, C.IN_OP + 8);
    control.fill(0, C.RECOVERING, C.RECOVERING + 8);
    for (let slot = 0; slot < C.SLOT_COUNT; slot++) {
      const ptr = control[C.SLOT_TABLE + slot] as number;
      if (ptr !== 0) this.setFlags(ptr, HELD);
    }
    for (let list = 0; list < C.LIST_COUNT; list++) {
      for (const ptr of this.list(list)) this.setFlags(ptr, HELD);
    }
    for (const { ptr } of this.forgotten()) this.setFlags(ptr, HELD);
  }

  /** Returns the blocks of a list. */
  list(list: number): Int32Array {
    const at = C.LISTS + list * C.LIST_INTS;
    return this.control.subarray(at + 2, at + 2 + this.control[at + 1]);
  }

  *forgotten(): Generator<{ ptr: number; holder: number }> {
    const { control } = this;
    for (let index = 0; index < control[C.FORGOTTEN]; index++) {
      const at = C.FORGOTTEN + 1 + 2 * index;
      yield { ptr: control[at] as number, holder: control[at + 1] as number };
    }
  }

  /** Returns the number that stands for a thread's attachment in the blocks that it allocates. */
  holderOf(thread: number): number {
    return (thread + 1) | (this.control[C.ATTACHMENTS + thread] << 4);
  }

  private isRecovering(least: number): boolean {
    const { control } = this;
    for (let thread = 0; thread < 8; thread++) {
      if (control[C.RECOVERING + thread] >= least) return true;
    }
    return false;
  }

  /** Notes that a thread has allocated a block, and fills it. */
  allocated(ptr: number, size: number, thread: number): void {
    const { control } = this;
    if (ptr + size > control[C.SLABS] << 16) fail(`ptr ${ptr} is beyond the heap`);
    // What a recovery frees is noted when it returns, and may be allocated before.
    if ((this.flags(ptr) & HELD) !== 0 && !this.isRecovering(2)) {
      fail(`ptr ${ptr} was handed out twice`);
    }
    this.taken(ptr);
    this.setFlags(ptr, this.flags(ptr) | HELD);
    this.fill(ptr, size, this.holderOf(thread));
  }

  /** Notes that a thread has put a block back where others find it. */
  returned(ptr: number): void {
    this.setFlags(ptr, this.flags(ptr) | HELD);
  }

  /**
   * Notes that a thread has taken a block, to free it, to move it or to hand it over.
   * @param holder the thread, if nobody else may hold the block or get it: a recovery of another
   * worker has no excuse to list it.
   */
  taken(ptr: number, holder = -1): void {
    const excuse = this.isRecovering(1) && !this.isHeldBy(ptr, holder) ? EXCUSED : 0;
    this.setFlags(ptr, (this.flags(ptr) & ~(HELD | LISTED | FREED)) | excuse);
  }

  /** Returns whether the heap says that a thread's worker holds a block: see mark.ts. */
  private isHeldBy(ptr: number, thread: number): boolean {
    const worker = thread < 0 ? -1 : (this.control[C.WORKER_OF + thread] as number);
    if (worker < 0 || ptr === 0) return false;
    const mark = this.headers[markAt(ptr)] as number;
    if (mark !== 0) return mark === workerMark(worker);
    return ownerOf(this.states[ptrToSlab(ptr)] as number) === worker + 1;
  }

  /** Returns all blocks that threads keep in slots and lists, or have forgotten. */
  everywhere(): number[] {
    const slots = this.control.subarray(C.SLOT_TABLE, C.SLOT_TABLE + C.SLOT_COUNT);
    const all = [...slots];
    for (let list = 0; list < C.LIST_COUNT; list++) all.push(...this.list(list));
    for (const { ptr } of this.forgotten()) all.push(ptr);
    return all.filter((ptr) => ptr !== 0);
  }

  /** Removes a block that is about to be freed from wherever it is kept. */
  lose(ptr: number): void {
    const { control } = this;
    this.taken(ptr);
    for (let slot = C.SLOT_TABLE; slot < C.SLOT_TABLE + C.SLOT_COUNT; slot++) {
      if (control[slot] === ptr) control[slot] = 0;
    }
    for (let list = 0; list < C.LIST_COUNT; list++) {
      const place = this.list(list).indexOf(ptr);
      const at = C.LISTS + list * C.LIST_INTS + 1;
      if (place < 0) continue;
      control.copyWithin(at + 1 + place, at + 2 + place, at + 1 + control[at]);
      control[at]--;
    }
    for (let index = control[C.FORGOTTEN] - 1; index >= 0; index--) {
      const at = C.FORGOTTEN + 1 + 2 * index;
      if (control[at] !== ptr) continue;
      control.copyWithin(at, at + 2, C.FORGOTTEN + 1 + 2 * control[C.FORGOTTEN]);
      control[C.FORGOTTEN]--;
    }
  }

  forget(ptr: number, holder: number): void {
    const { control } = this;
    const count = control[C.FORGOTTEN] as number;
    if (count >= C.MAX_FORGOTTEN) fail("too many blocks are forgotten");
    const at = C.FORGOTTEN + 1 + 2 * count;
    control[at] = ptr;
    control[at + 1] = holder;
    control[C.FORGOTTEN] = count + 1;
  }

  /** Writes a block's pattern. */
  fill(ptr: number, size: number, holder: number): void {
    const { words } = this;
    const at = ptr >>> 2;
    words[at + SEAL] = mix(ptr, size, holder, 0);
    words[at + SIZE] = size;
    words[at + HOLDER] = holder;
    const middle = size >>> 3;
    if (middle > HOLDER) words[at + middle] = mix(ptr, size, holder, 1);
    const last = (size >>> 2) - 1;
    if (last > HOLDER) words[at + last] = mix(ptr, size, holder, 2);
  }

  /** Checks the first `kept` bytes of a block, which was at `from` when it was filled. */
  check(ptr: number, from: number = ptr, kept = Infinity): { size: number; holder: number } {
    const { words } = this;
    const at = ptr >>> 2;
    const size = words[at + SIZE] as number;
    const holder = words[at + HOLDER] as number;
    const found = (word: number, place: number): void => {
      if (word >= 0 && word <= HOLDER && place > 0) return;
      if (4 * word + 4 > kept || words[at + word] === mix(from, size, holder, place)) return;
      const what = `${size} bytes, holder ${holder}`;
      fail(`ptr ${ptr} was overwritten at word ${word}: ${words[at + word]} (${what})`);
    };
    found(SEAL, 0);
    found(size >>> 3, 1);
    found((size >>> 2) - 1, 2);
    return { size, holder };
  }

  /** Returns whether a ptr is a live block, and no span that somebody makes, frees or resizes. */
  isLive(ptr: number): boolean {
    const header = this.headers[ptr >>> GRANULE_SHIFT] as number;
    if (headerClass(header) !== SPAN_CLASS) return header > LIVE;
    return header > LIVE && isLiveSpan(this.states[ptrToSlab(ptr)] as number);
  }

  beginRecovery(thread: number, freeLive: boolean): void {
    const { control } = this;
    control[C.RECOVERING + thread] = freeLive ? 2 : 1;
    for (let place = 0; place < 8 * C.MAX_IN_HAND; place++) {
      const holder = (place / C.MAX_IN_HAND) | 0;
      const isDead = ((control[C.DEAD] >>> holder) & 1) === 1;
      const hand = control[C.IN_HAND + place] as number;
      const ptr = hand < 0 ? ~hand : hand;
      const isKept = control[C.IN_OP + holder] !== C.HAND_OVER && this.isHeldBy(ptr, holder);
      if (ptr !== 0 && !isDead && !isKept) this.setFlags(ptr, this.flags(ptr) | EXCUSED);
    }
  }

  endRecovery(thread: number): void {
    this.control[C.RECOVERING + thread] = 0;
  }

  /**
   * Checks and notes a block that a recovery has listed.
   * @param isQuiet whether no other thread runs meanwhile
   */
  listed(ptr: number, freed: boolean, isQuiet = false): void {
    const { control } = this;
    const flags = this.flags(ptr);
    const count = control[C.RECOVERED] as number;
    if (count >= C.MAX_RECOVERED) fail("too many blocks are listed");
    control[C.RECOVERED + 1 + count] = ptr;
    control[C.RECOVERED] = count + 1;
    const isExcused = (flags & EXCUSED) !== 0;
    if ((flags & (LISTED | FREED)) === LISTED && !isExcused) fail(`ptr ${ptr} was listed twice`);
    if (freed) {
      const found = isExcused && !isQuiet ? flags : (flags & ~HELD) | LISTED | FREED;
      this.setFlags(ptr, found | EVER);
      return;
    }
    this.setFlags(ptr, (flags & ~FREED) | LISTED | EVER);
    if (isExcused && !isQuiet) return;
    // A span that a dead worker was handing over is live again when that one is recovered.
    if (!this.isLive(ptr) && !this.isInDeadHand(ptr)) fail(`ptr ${ptr} is listed, not live`);
    this.checkListed(ptr);
  }

  /** A worker that lives holds what it has allocated; nobody recovers that. */
  private checkListed(ptr: number): void {
    const { control } = this;
    const isRight = this.isIntact(ptr) && !this.isHeldByLiving(ptr);
    // A thread may have died before it filled what it had allocated.
    if (isRight || control[C.UNFILLED]++ < this.mayBeUnfilled()) return;
    const { holder } = this.check(ptr);
    fail(`ptr ${ptr} was recovered, and thread ${(holder & 0xf) - 1} holds it`);
  }

  private isHeldByLiving(ptr: number): boolean {
    const { control } = this;
    const { holder } = this.check(ptr);
    const thread = (holder & 0xf) - 1;
    if (thread < 0 || thread >= control[C.THREADS]) return false;
    const isAlive = ((control[C.DEAD] >>> thread) & 1) === 0;
    if (!isAlive || holder !== this.holderOf(thread)) return false;
    // Who frees or resizes a span owns it from its first step on.
    return (
      headerClass(this.headers[ptr >>> GRANULE_SHIFT] as number) !== SPAN_CLASS ||
      !this.isInDeadHand(ptr)
    );
  }

  /** Returns whether a thread died that had taken a block. */
  isInDeadHand(ptr: number): boolean {
    const { control } = this;
    for (let place = 0; place < 8 * C.MAX_IN_HAND; place++) {
      const thread = (place / C.MAX_IN_HAND) | 0;
      const isDead = ((control[C.DEAD] >>> thread) & 1) === 1;
      if (isDead && control[C.IN_HAND + place] === ptr) return true;
    }
    return false;
  }

  /** Returns whether a block has a pattern. */
  isIntact(ptr: number): boolean {
    try {
      this.check(ptr);
      return true;
    } catch {
      return false;
    }
  }

  /** Returns how many blocks the dead may have allocated and not filled. */
  private mayBeUnfilled(): number {
    const { control } = this;
    let blocks = 0;
    for (let thread = 0; thread < 8; thread++) {
      if (((control[C.DEAD] >>> thread) & 1) === 0) continue;
      const kind = control[C.IN_OP + thread] as number;
      if (kind === C.MALLOC_BATCH) blocks += C.BATCH;
      else if (C.ALLOCATING.has(kind)) blocks++;
    }
    return blocks;
  }

  isListed(ptr: number): boolean {
    return (this.flags(ptr) & (LISTED | FREED)) === LISTED;
  }

  isFreed(ptr: number): boolean {
    return (this.flags(ptr) & FREED) !== 0;
  }

  isExcused(ptr: number): boolean {
    return (this.flags(ptr) & EXCUSED) !== 0;
  }

  wasListed(ptr: number): boolean {
    return (this.flags(ptr) & EVER) !== 0;
  }
}

/** Live headers have the two highest bits of their byte. */
const LIVE_BITS = 0x80808080;

/**
 * Returns the ptrs of all live blocks, by their headers.
 * @param headers the header map
 */
export function liveBlocks(headers: Uint8Array, firstSlab: number): number[] {
  const quads = new Int32Array(headers.buffer, 0, headers.length >> 2);
  const live: number[] = [];
  for (let quad = firstSlab << 10; quad < quads.length; quad++) {
    if (((quads[quad] as number) & LIVE_BITS) === 0) continue;
    for (let granule = quad << 2; granule < (quad + 1) << 2; granule++) {
      if ((headers[granule] as number) >= LIVE) live.push(granule << GRANULE_SHIFT);
    }
  }
  return live;
}

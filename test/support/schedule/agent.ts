import { HeapError } from "../../../src/base/errors.js";
import { sync } from "../../../src/base/sync.js";
import type { Ptr } from "../../../src/base/types.js";
import { drainCaches } from "../../../src/front/sll.js";
import { claimWorker } from "../../../src/heap/attach.js";
import type { SharedHeap } from "../../../src/heap/sharedHeap.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { Asker, allocateAligned, allocateZeroed, readHeap, resetHeap } from "./calls.js";
import * as C from "./control.js";
import { takeLaters, writeText } from "./watch.js";
import { type Handle, openHeap, type World } from "./world.js";

export { World } from "./world.js";

/** How long a wait for memory lasts, unless waits are patient. */
const WAIT_MS = 50;

/** Runs operations as one worker: on a thread, or transformed, as a fiber. */
export class Agent {
  readonly world: World;
  readonly me: number;
  handle: Handle | undefined;
  /** Whether memory was exhausted when a block was to be resized. */
  private isFull = false;
  private readonly inHand: Int32Array;
  private readonly asker: Asker;

  constructor(world: World, me: number) {
    this.world = world;
    this.me = me;
    const first = C.IN_HAND + me * C.MAX_IN_HAND;
    this.inHand = world.control.subarray(first, first + C.MAX_IN_HAND);
    this.asker = new Asker(world, me);
  }

  /** Replaces the ptr in a slot, which synchronises the threads; returns the old one. */
  exchange(slot: number, ptr: number): number {
    return sync.exchange(this.world.control, C.SLOT_TABLE + slot, ptr);
  }

  /** Takes a block from a slot into the worker's hand, and checks it. */
  private take(slot: number, place = 0, isGiven = false): number {
    const { notes } = this.world;
    const ptr = this.exchange(slot, 0);
    this.inHand[place] = ptr;
    if (ptr === 0) return 0;
    notes.check(ptr);
    notes.taken(ptr, isGiven ? -1 : this.me);
    return ptr;
  }

  /** Puts an allocated block into a slot, and frees the block that was there. */
  private put(slot: number, ptr: number, size: number, place = 0): void {
    const { notes } = this.world;
    this.inHand[place] = ptr === 0 ? 0 : ~ptr;
    if (ptr === 0) return;
    notes.allocated(ptr, size, this.me);
    this.putBack(slot, ptr, place);
  }

  /** Puts a block into a slot, and frees the block that was there. */
  private putBack(slot: number, ptr: number, place = 0): void {
    const { notes } = this.world;
    notes.returned(ptr);
    const was = this.exchange(slot, ptr);
    this.inHand[place] = was;
    if (was !== 0) {
      notes.check(was);
      notes.taken(was, this.me);
      this.heap.free(was as Ptr);
    }
    this.inHand[place] = 0;
  }

  private get heap(): SharedHeap {
    return (this.handle as Handle).heap;
  }

  run([kind, a, b]: C.Op): void {
    if (kind === C.ATTACH) this.attach();
    const { handle } = this;
    if (handle === undefined || kind === C.ATTACH) return;
    const { heap } = handle;
    if (kind === C.MALLOC) {
      this.put(a, heap.tryMalloc(b), b);
    } else if (kind === C.FREE) {
      heap.free(this.take(a) as Ptr);
      this.inHand[0] = 0;
    } else if (kind === C.REALLOC) {
      this.reallocate(a, b);
    } else if (kind === C.DRAIN) {
      heap.drain();
    } else if (kind === C.DETACH) {
      this.world.control[C.ATTACHMENTS + this.me]++;
      heap.detach();
      this.handle = undefined;
      this.setWorker(-1);
    } else if (kind === C.HAND_OVER) {
      this.giveTo(a, b);
    } else if (kind === C.RECOVER) {
      this.asker.recoverDead(heap, a, b !== 0);
    } else if (kind === C.FREE_RACED || kind === C.DRAIN_RACED) {
      this.runRaced(handle, kind);
    } else {
      this.runMore(heap, kind, a, b);
    }
  }

  private runMore(heap: SharedHeap, kind: number, a: number, b: number): void {
    if (kind === C.MALLOC_BATCH) {
      if (!this.allocateBatch(b)) return;
      for (let index = 0; index < C.BATCH; index++) {
        this.put(a + index, this.inHand[index] as number, b, index);
      }
    } else if (kind === C.FREE_BATCH) {
      for (let index = 0; index < C.BATCH; index++) this.take(a + index, index);
      heap.freeBatch(this.inHand, C.BATCH);
      this.inHand.fill(0);
    } else if (kind === C.FORGET || kind === C.FORGET_OWN) {
      this.forget(a, kind === C.FORGET_OWN);
    } else if (kind === C.FREE_UNORDERED) {
      this.freeUnordered(a);
    } else if (kind === C.HAND_OVER_UNORDERED) {
      this.handOverUnordered(a, b);
    } else if (kind === C.MALLOC_MANY) {
      this.allocateMany(C.listOf(a), C.countOf(a), b);
    } else if (kind === C.FREE_MANY) {
      this.freeMany(C.listOf(a), C.countOf(a), b !== 0);
    } else if (kind === C.MALLOC_WAIT) {
      this.put(a, this.allocateWaiting(b), b);
    } else {
      this.runCall(heap, kind, a, b);
    }
  }

  private runCall(heap: SharedHeap, kind: number, a: number, b: number): void {
    const { asker, me, world } = this;
    if (kind === C.CALLOC) this.put(a, allocateZeroed(heap, b), b);
    else if (kind === C.RESET) resetHeap(world, this.inHand, heap);
    else if (kind === C.GUARD) asker.guardEnded(heap, a, b !== 0);
    else if (kind === C.RUN_LATER) asker.runLaters();
    else if (C.READING.has(kind)) readHeap(world, me, heap, kind);
    else if (kind === C.ALIGNED_ALLOC) {
      this.put(C.slotOf(a), allocateAligned(heap, C.alignmentOf(a), b), b);
    } else throw new Error(`operation ${kind} is not known`);
  }

  /** Drops a block from its slot, so that only its holder's recovery finds it. */
  private forget(slot: number, isOwnOnly: boolean): void {
    const { notes } = this.world;
    const ptr = this.take(slot);
    if (ptr === 0) return;
    const { holder } = notes.check(ptr);
    if (holder === notes.holderOf(this.me)) {
      notes.returned(ptr);
      notes.forget(ptr, holder);
    } else if (isOwnOnly) {
      this.putBack(slot, ptr);
    }
    this.inHand[0] = 0;
  }

  /** Allocates blocks into a list, which synchronises the threads. */
  private allocateMany(list: number, count: number, size: number): void {
    const { control, notes } = this.world;
    const at = C.LISTS + list * C.LIST_INTS;
    if (sync.exchange(control, at, 1) !== 0) return;
    for (let left = count; left > 0 && control[at + 1] < C.MAX_LISTED; left--) {
      const ptr = this.heap.tryMalloc(size);
      if (ptr === 0) break;
      this.inHand[0] = ~ptr;
      notes.allocated(ptr, size, this.me);
      control[at + 2 + control[at + 1]] = ptr;
      control[at + 1]++;
      this.inHand[0] = 0;
    }
    sync.store(control, at, 0);
  }

  private freeMany(list: number, count: number, isOldest: boolean): void {
    const { control, notes } = this.world;
    const at = C.LISTS + list * C.LIST_INTS;
    if (sync.exchange(control, at, 1) !== 0) return;
    for (let left = count; left > 0 && control[at + 1] > 0; left--) {
      const last = at + 1 + control[at + 1];
      const ptr = control[isOldest ? at + 2 : last] as number;
      notes.check(ptr);
      notes.taken(ptr, this.me);
      this.inHand[0] = ptr;
      if (isOldest) control.copyWithin(at + 2, at + 3, last + 1);
      control[at + 1]--;
      this.heap.free(ptr as Ptr);
      this.inHand[0] = 0;
    }
    sync.store(control, at, 0);
  }

  private attach(): void {
    if (this.handle !== undefined) return;
    this.world.control[C.ATTACHMENTS + this.me]++;
    this.setWorker(C.ATTACHING);
    const { buffer, options } = this.world;
    const views = this.claim();
    if (views !== undefined) this.handle = { views, heap: openHeap(buffer, views, options) };
    this.setWorker(views?.worker ?? -1);
  }

  /** Claims a slot; returns undefined if all are taken. */
  private claim(): SharedViews | undefined {
    const { buffer, options, workers } = this.world;
    try {
      return claimWorker(buffer, options, workers);
    } catch (error) {
      if ((error as HeapError).code !== "ERR_NO_WORKER_SLOT") throw error;
      return undefined;
    }
  }

  private setWorker(worker: number): void {
    sync.store(this.world.control, C.WORKER_OF + this.me, worker);
  }

  /** Frees a block that another thread may free too; the later of them must be refused. */
  private freeUnordered(slot: number): void {
    const ptr = this.world.control[C.SLOT_TABLE + slot] as number;
    this.world.notes.taken(ptr);
    this.inHand[0] = ptr;
    try {
      this.heap.free(ptr as Ptr);
    } catch (error) {
      const { code } = error as HeapError;
      if (code !== "ERR_DOUBLE_FREE" && code !== "ERR_INVALID_POINTER") throw error;
      this.inHand[0] = 0;
      return;
    }
    if (ptr !== 0 && this.exchange(slot, 0) !== ptr) throw new Error(`ptr ${ptr} was freed twice`);
    this.inHand[0] = 0;
  }

  /** Reallocates a block, and checks what was kept. */
  private reallocate(slot: number, size: number): void {
    const { notes } = this.world;
    const from = this.take(slot);
    if (from === 0) return;
    const before = notes.check(from);
    const ptr = this.move(from, size);
    const { holder } = notes.check(ptr, from, size);
    if (ptr !== from) {
      this.put(slot, ptr, size);
      return;
    }
    // A span that was resized is held by who resized it, unless it was handed over.
    const isOwn = holder === notes.holderOf(this.me);
    notes.fill(ptr, this.isFull ? before.size : size, isOwn ? holder : 0);
    this.putBack(slot, ptr);
  }

  /** Frees the block that others free at this moment, or drains; notes if the worker is told so. */
  private runRaced({ heap, views }: Handle, kind: number): void {
    const { control } = this.world;
    if (kind === C.FREE_RACED) this.exchange(0, 0);
    try {
      if (kind === C.FREE_RACED) heap.free(control[C.FIRST_PTR] as Ptr);
      else drainCaches(views);
      // A shared heap throws for what is noted here.
      if (views.doubleFree[0] !== 0) control[C.TOLD]++;
      views.doubleFree[0] = 0;
    } catch (error) {
      const { code } = error as HeapError;
      if (code !== "ERR_DOUBLE_FREE" && code !== "ERR_INVALID_POINTER") throw error;
      control[C.TOLD]++;
    }
  }

  /** Reallocates a block; returns the old one when memory is exhausted. */
  private move(ptr: number, size: number): number {
    this.isFull = false;
    try {
      return this.heap.realloc(ptr as Ptr, size);
    } catch (error) {
      if ((error as HeapError).code !== "ERR_HEAP_EXHAUSTED") throw error;
      this.isFull = true;
      return ptr;
    }
  }

  private allocateBatch(size: number): boolean {
    try {
      this.heap.mallocBatch(size, C.BATCH, this.inHand);
      return true;
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
      return false;
    }
  }

  private allocateWaiting(size: number): number {
    const isPatient = this.world.control[C.PATIENT] !== 0;
    try {
      return this.heap.mallocWait(size, isPatient ? {} : { timeout: WAIT_MS });
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
      return 0;
    }
  }

  private giveTo(slot: number, worker: number): void {
    const { notes } = this.world;
    const ptr = this.take(slot, 0, true);
    if (ptr === 0) return;
    const { size, holder } = notes.check(ptr);
    notes.fill(ptr, size, 0);
    if (!this.isHandedOver(ptr, worker)) notes.fill(ptr, size, holder);
    this.putBack(slot, ptr);
  }

  private handOverUnordered(slot: number, worker: number): void {
    const ptr = this.world.control[C.SLOT_TABLE + slot] as number;
    this.world.notes.taken(ptr);
    try {
      this.isHandedOver(ptr, worker);
    } catch (error) {
      const { code } = error as HeapError;
      if (code !== "ERR_INVALID_POINTER" && code !== "ERR_DOUBLE_FREE") throw error;
    }
  }

  /** Hands a block over; returns whether it could. */
  private isHandedOver(ptr: number, worker: number): boolean {
    try {
      this.heap.handOver(ptr as Ptr, worker);
      return true;
    } catch (error) {
      if ((error as HeapError).code !== "ERR_INVALID_WORKER") throw error;
      return false;
    }
  }

  /** Runs the thread's operations of a run. */
  runOps(): void {
    const { control } = this.world;
    const worker = control[C.WORKER_OF + this.me];
    this.handle = worker < 0 ? undefined : this.world.handle(worker);
    takeLaters(this.me);
    const first = C.OPS + this.me * C.MAX_OPS * C.OP_INTS;
    for (let op = 0; op < control[C.OPS_COUNT + this.me]; op++) {
      const at = first + op * C.OP_INTS;
      try {
        control[C.IN_OP + this.me] = control[at];
        this.run([control[at], control[at + 1], control[at + 2]]);
        control[C.IN_OP + this.me] = 0;
      } catch (error) {
        // On its way out a dead thread may throw something else.
        if (error === C.KILL || ((control[C.DEAD] >>> this.me) & 1) === 1) return;
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        writeText(control, `thread ${this.me}, operation ${op}: ${what}\n`);
        return;
      }
    }
    const [told] = this.handle?.views.doubleFree ?? [];
    if (told === 0 || told === undefined || control[C.UNORDERED] !== 0) return;
    writeText(control, `thread ${this.me} noted a double free of ptr ${told}\n`);
  }
}

import { HeapError } from "../../../src/base/errors.js";
import { sync } from "../../../src/base/sync.js";
import type { Ptr } from "../../../src/base/types.js";
import { type Door, openSharedDoor } from "../../../src/front/door.js";
import { liveHeaderOf } from "../../../src/front/lookup.js";
import { drainCaches } from "../../../src/front/sll.js";
import { claimWorker, detachWorker } from "../../../src/heap/attach.js";
import { freeEach, mallocBatch } from "../../../src/heap/batch.js";
import { handOverBlock } from "../../../src/heap/handOver.js";
import { type Recovered, recoverAll } from "../../../src/heap/recover.js";
import { mallocBlocking } from "../../../src/heap/wait.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { isWorkers, SLOT_ACTIVE } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import * as C from "./control.js";
import { seeDeath, writeText } from "./watch.js";
import type { Handle, World } from "./world.js";

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
  private readonly seen: Uint32Array;

  constructor(world: World, me: number) {
    this.world = world;
    this.me = me;
    const first = C.IN_HAND + me * C.MAX_IN_HAND;
    this.inHand = world.control.subarray(first, first + C.MAX_IN_HAND);
    this.seen = new Uint32Array(world.options.capacity >>> 9);
  }

  /** Replaces the ptr in a slot, which synchronises the threads; returns the old one. */
  exchange(slot: number, ptr: number): number {
    return sync.exchange(this.world.control, C.SLOT_TABLE + slot, ptr);
  }

  /** Takes a block from a slot into the worker's hand, and checks it. */
  private take(slot: number, place = 0): number {
    const { notes } = this.world;
    const ptr = this.exchange(slot, 0);
    this.inHand[place] = ptr;
    if (ptr === 0) return 0;
    notes.check(ptr);
    notes.taken(ptr);
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
      notes.taken(was);
      this.door.free(was as Ptr);
    }
    this.inHand[place] = 0;
  }

  private get door(): Door {
    return (this.handle as Handle).door;
  }

  run([kind, a, b]: C.Op): void {
    if (kind === C.ATTACH) this.attach();
    const { handle } = this;
    if (handle === undefined || kind === C.ATTACH) return;
    const { door, views } = handle;
    if (kind === C.MALLOC) {
      this.put(a, door.tryMalloc(b), b);
    } else if (kind === C.FREE) {
      door.free(this.take(a) as Ptr);
      this.inHand[0] = 0;
    } else if (kind === C.REALLOC) {
      this.reallocate(a, b);
    } else if (kind === C.DRAIN) {
      drainCaches(views);
    } else if (kind === C.DETACH) {
      this.world.control[C.ATTACHMENTS + this.me]++;
      detachWorker(views);
      this.handle = undefined;
      this.setWorker(-1);
    } else if (kind === C.HAND_OVER) {
      this.handOver(views, a, b);
    } else if (kind === C.RECOVER) {
      const state = this.stateOfDead(views, a);
      if (state !== 0) this.recover(views, a, b !== 0, state);
    } else {
      this.runMore(handle, kind, a, b);
    }
  }

  private runMore({ door, views }: Handle, kind: number, a: number, b: number): void {
    if (kind === C.MALLOC_BATCH) {
      if (!this.allocateBatch(door, b)) return;
      for (let index = 0; index < C.BATCH; index++) {
        this.put(a + index, this.inHand[index] as number, b, index);
      }
    } else if (kind === C.FREE_BATCH) {
      for (let index = 0; index < C.BATCH; index++) this.take(a + index, index);
      freeEach(views, door, this.inHand, C.BATCH, this.seen);
      this.inHand.fill(0);
    } else if (kind === C.FORGET || kind === C.FORGET_OWN) {
      this.forget(a, kind === C.FORGET_OWN);
    } else if (kind === C.FREE_UNORDERED) {
      this.freeUnordered(a, door);
    } else if (kind === C.HAND_OVER_UNORDERED) {
      this.handOverUnordered(views, a, b);
    } else if (kind === C.FREE_RACED || kind === C.DRAIN_RACED) {
      this.runRaced({ door, views }, kind);
    } else if (kind === C.MALLOC_MANY) {
      this.allocateMany(C.listOf(a), C.countOf(a), b);
    } else if (kind === C.FREE_MANY) {
      this.freeMany(C.listOf(a), C.countOf(a), b !== 0);
    } else {
      this.put(a, this.allocateWaiting(views, b), b);
    }
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
      const ptr = this.door.tryMalloc(size);
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
      notes.taken(ptr);
      this.inHand[0] = ptr;
      if (isOldest) control.copyWithin(at + 2, at + 3, last + 1);
      control[at + 1]--;
      this.door.free(ptr as Ptr);
      this.inHand[0] = 0;
    }
    sync.store(control, at, 0);
  }

  private attach(): void {
    if (this.handle !== undefined) return;
    this.world.control[C.ATTACHMENTS + this.me]++;
    this.setWorker(C.ATTACHING);
    const views = this.claim();
    if (views !== undefined) this.handle = { views, door: openSharedDoor(views, views.mine) };
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
  private freeUnordered(slot: number, door: Door): void {
    const ptr = this.world.control[C.SLOT_TABLE + slot] as number;
    this.world.notes.taken(ptr);
    this.inHand[0] = ptr;
    try {
      door.free(ptr as Ptr);
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
  private runRaced({ door, views }: Handle, kind: number): void {
    const { control } = this.world;
    if (kind === C.FREE_RACED) this.exchange(0, 0);
    try {
      if (kind === C.FREE_RACED) door.free(control[C.FIRST_PTR] as Ptr);
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
      return this.door.realloc(ptr as Ptr, size);
    } catch (error) {
      if ((error as HeapError).code !== "ERR_HEAP_EXHAUSTED") throw error;
      this.isFull = true;
      return ptr;
    }
  }

  private allocateBatch(door: Door, size: number): boolean {
    try {
      mallocBatch(door, size, C.BATCH, this.inHand);
      return true;
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
      return false;
    }
  }

  private allocateWaiting(views: SharedViews, size: number): number {
    const isPatient = this.world.control[C.PATIENT] !== 0;
    try {
      return mallocBlocking(views, size, isPatient ? Infinity : WAIT_MS);
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
      return 0;
    }
  }

  private handOver(views: SharedViews, slot: number, worker: number): void {
    const { notes } = this.world;
    const ptr = this.take(slot);
    if (ptr === 0) return;
    const { size, holder } = notes.check(ptr);
    notes.fill(ptr, size, 0);
    if (!this.isHandedOver(views, ptr, worker)) notes.fill(ptr, size, holder);
    this.putBack(slot, ptr);
  }

  private handOverUnordered(views: SharedViews, slot: number, worker: number): void {
    const ptr = this.world.control[C.SLOT_TABLE + slot] as number;
    this.world.notes.taken(ptr);
    try {
      this.isHandedOver(views, ptr, worker);
    } catch (error) {
      const { code } = error as HeapError;
      if (code !== "ERR_INVALID_POINTER" && code !== "ERR_DOUBLE_FREE") throw error;
    }
  }

  /** Hands a block over, as `SharedHeap.handOver` does; returns whether it could. */
  private isHandedOver(views: SharedViews, ptr: number, worker: number): boolean {
    const header = liveHeaderOf(views, ptr);
    if (worker >= this.world.workers) return false;
    const state = sync.load(views.words, workerSlot.at(worker) + workerSlot.STATE);
    if (!isWorkers(state)) return false;
    try {
      handOverBlock(views, ptr, header, worker);
      return true;
    } catch (error) {
      if ((error as HeapError).code !== "ERR_INVALID_WORKER") throw error;
      return false;
    }
  }

  /** Recovers a worker, unless another worker is recovering it. */
  private recover(views: SharedViews, worker: number, freeLive: boolean, state: number): void {
    const { notes } = this.world;
    notes.beginRecovery(this.me, freeLive);
    try {
      for (const ptr of allListed(recoverAll(views, worker, freeLive, state))) {
        notes.listed(ptr, freeLive);
      }
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_WORKER_ALIVE") throw error;
    }
    notes.endRecovery(this.me);
  }

  /**
   * Returns the state of a worker's slot if it is attached but its thread has died, or never was
   * part of the run; else 0.
   */
  private stateOfDead(views: SharedViews, worker: number): number {
    const { control, workers } = this.world;
    if (worker >= workers) return 0;
    const state = sync.load(views.words, workerSlot.at(worker) + workerSlot.STATE);
    if ((state & 0xff) !== SLOT_ACTIVE) return 0;
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      const found = sync.load(control, C.WORKER_OF + thread);
      const isAlive = ((control[C.DEAD] >>> thread) & 1) === 0;
      if (isAlive && (found === worker || found === C.ATTACHING)) return 0;
    }
    seeDeath(control, worker);
    return state;
  }

  /** Runs the thread's operations of a run. */
  runOps(): void {
    const { control } = this.world;
    const worker = control[C.WORKER_OF + this.me];
    this.handle = worker < 0 ? undefined : this.world.handle(worker);
    const first = C.OPS + this.me * C.MAX_OPS * C.OP_INTS;
    for (let op = 0; op < control[C.OPS_COUNT + this.me]; op++) {
      const at = first + op * C.OP_INTS;
      try {
        control[C.IN_OP + this.me] = control[at];
        this.run([control[at], control[at + 1], control[at + 2]]);
        control[C.IN_OP + this.me] = 0;
      } catch (error) {
        // On its way out a dead thread may throw something else.
        if (error === C.KILL || ((control[C.DEAD] >>> this.me) & 1) === 1) break;
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        writeText(control, `thread ${this.me}, operation ${op}: ${what}\n`);
        break;
      }
    }
  }
}

/** Returns the blocks that a recovery and those within it have listed. */
export function allListed({ live, others }: Recovered): number[] {
  const all: number[] = [...live];
  for (const other of others) all.push(...allListed(other));
  return all;
}

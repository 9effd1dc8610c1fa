import { HeapError } from "../../../src/base/errors.js";
import { sync } from "../../../src/base/sync.js";
import type { Ptr } from "../../../src/base/types.js";
import { sharedSlabs } from "../../../src/central/sharedSlabs.js";
import { ownerOf } from "../../../src/central/states.js";
import { type HeapOptions, resolveOptions } from "../../../src/config/options.js";
import { type Door, openSharedDoor } from "../../../src/front/door.js";
import { liveHeaderOf } from "../../../src/front/lookup.js";
import { drainCaches } from "../../../src/front/sll.js";
import { claimWorker, detachWorker } from "../../../src/heap/attach.js";
import { freeEach, mallocBatch } from "../../../src/heap/batch.js";
import { handOverBlock } from "../../../src/heap/handOver.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import { mallocBlocking } from "../../../src/heap/wait.js";
import { LIVE, toHeader } from "../../../src/layout/header.js";
import {
  MINE_MARKED,
  NOT_MINE,
  type SharedViews,
  viewShared,
} from "../../../src/layout/sharedViews.js";
import { CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { SLOT_ACTIVE } from "../../../src/layout/slotState.js";
import * as superblock from "../../../src/layout/superblock.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import * as C from "./control.js";
import { logDeath, rawOf, whileWatching, writeText } from "./watch.js";

export interface Handle {
  readonly views: SharedViews;
  readonly door: Door;
}

/** What a thread or the checks need to know about the heap. */
export class World {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly options: HeapOptions;
  readonly workers: number;
  private readonly isWatched: boolean;
  private readonly handles: (Handle | undefined)[] = [];

  constructor(buffer: SharedArrayBuffer, control: Int32Array, isWatched: boolean) {
    this.isWatched = isWatched;
    this.buffer = buffer;
    this.control = control;
    this.options = resolveOptions({
      capacity: 2 ** 20,
      fastCap: control[C.FAST_CAP],
      sllDrainInterval: control[C.INTERVAL],
    });
    this.options.capacity = control[C.SLABS] << 16;
    this.workers = control[C.MAX_WORKERS];
  }

  /** Returns a worker's handle as it is between two operations; its private state is derived. */
  handle(worker: number): Handle {
    const { buffer, handles, options, workers } = this;
    let handle = handles[worker];
    if (handle === undefined) {
      const open = (): Handle => {
        const made = viewShared(buffer, options, workers, worker, sharedSlabs);
        return { views: made, door: openSharedDoor(made, made.mine) };
      };
      handle = this.isWatched ? whileWatching(open) : open();
      handles[worker] = handle;
    }
    const { views } = handle;
    const { cursor, gate, layout, mine, sending } = views;
    if (gate[superblock.CLOSED] !== 0) {
      handles[worker] = undefined;
      return this.handle(worker);
    }
    cursor.fill(0);
    sending.fill(0);
    views.doubleFree.fill(0);
    const words = rawOf(views.words);
    const markCounts = rawOf(views.markCounts);
    for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
      const state = words[layout.states + slab];
      const kind = (state >>> 8) & 0xff;
      if (ownerOf(state) !== worker + 1 || kind > CLASS_COUNT) mine[slab] = NOT_MINE;
      else mine[slab] = markCounts[slab] > 0 ? MINE_MARKED : toHeader(LIVE, kind);
    }
    return handle;
  }

  isActive(worker: number): boolean {
    const { words } = this.handle(worker).views;
    return (rawOf(words)[workerSlot.at(worker) + workerSlot.STATE] & 0xff) === SLOT_ACTIVE;
  }
}

/** How long a wait for memory lasts, unless waits are patient. */
const WAIT_MS = 50;

/** Runs operations as one worker: on a thread, or transformed, as a fiber. */
export class Agent {
  readonly world: World;
  readonly me: number;
  handle: Handle | undefined;
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

  /** Takes a block from a slot into the worker's hand. */
  private take(slot: number, place = 0): number {
    const ptr = this.exchange(slot, 0);
    this.inHand[place] = ptr;
    return ptr;
  }

  /** Puts an allocated block into a slot, and frees the block that was there. */
  private put(slot: number, ptr: number, door: Door, place = 0): void {
    const { control } = this.world;
    this.inHand[place] = ptr;
    if (ptr === 0) return;
    for (let other = 0; other < C.SLOT_COUNT; other++) {
      if (control[C.SLOT_TABLE + other] === ptr) throw new Error(`ptr ${ptr} was handed out twice`);
    }
    const was = this.exchange(slot, ptr);
    this.inHand[place] = was;
    if (was !== 0) door.free(was as Ptr);
    this.inHand[place] = 0;
  }

  run([kind, a, b]: C.Op): void {
    if (kind === C.ATTACH) this.attach();
    const { handle } = this;
    if (handle === undefined || kind === C.ATTACH) return;
    const { door, views } = handle;
    if (kind === C.MALLOC) {
      this.put(a, door.tryMalloc(b), door);
    } else if (kind === C.FREE) {
      door.free(this.take(a) as Ptr);
      this.inHand[0] = 0;
    } else if (kind === C.REALLOC) {
      const ptr = this.take(a);
      if (ptr !== 0) this.put(a, this.move(door, ptr, b), door);
    } else if (kind === C.DRAIN) {
      sharedDrain(views);
    } else if (kind === C.DETACH) {
      detachWorker(views);
      this.handle = undefined;
      this.setWorker(-1);
    } else if (kind === C.HAND_OVER) {
      this.handOver(views, door, a, b);
    } else if (kind === C.RECOVER) {
      if (this.isDead(views, a)) this.recover(views, a, b !== 0);
    } else {
      this.runMore(handle, kind, a, b);
    }
  }

  private runMore({ door, views }: Handle, kind: number, a: number, b: number): void {
    if (kind === C.MALLOC_BATCH) {
      if (!this.allocateBatch(door, b)) return;
      for (let index = 0; index < C.BATCH; index++) {
        this.put(a + index, this.inHand[index] as number, door, index);
      }
    } else if (kind === C.FREE_BATCH) {
      for (let index = 0; index < C.BATCH; index++) this.take(a + index, index);
      freeEach(views, door, this.inHand, C.BATCH, this.seen);
      this.inHand.fill(0);
    } else if (kind === C.FORGET) {
      this.exchange(a, 0);
    } else if (kind === C.FREE_UNORDERED) {
      this.freeUnordered(a, door);
    } else if (kind === C.HAND_OVER_UNORDERED) {
      this.handOverUnordered(views, a, b);
    } else if (kind === C.FREE_RACED || kind === C.DRAIN_RACED) {
      this.runRaced({ door, views }, kind);
    } else {
      this.put(a, this.allocateWaiting(views, b), door);
    }
  }

  private attach(): void {
    if (this.handle !== undefined) return;
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
    try {
      door.free(ptr as Ptr);
    } catch (error) {
      const { code } = error as HeapError;
      if (code !== "ERR_DOUBLE_FREE" && code !== "ERR_INVALID_POINTER") throw error;
      return;
    }
    if (ptr !== 0 && this.exchange(slot, 0) !== ptr) throw new Error(`ptr ${ptr} was freed twice`);
  }

  /** Frees the block that others free at this moment, or drains; notes if the worker is told so. */
  private runRaced({ door, views }: Handle, kind: number): void {
    const { control } = this.world;
    if (kind === C.FREE_RACED) this.exchange(0, 0);
    try {
      if (kind === C.FREE_RACED) door.free(control[C.FIRST_PTR] as Ptr);
      else sharedDrain(views);
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
  private move(door: Door, ptr: number, size: number): number {
    try {
      return door.realloc(ptr as Ptr, size);
    } catch (error) {
      if ((error as HeapError).code !== "ERR_HEAP_EXHAUSTED") throw error;
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

  private handOver(views: SharedViews, door: Door, slot: number, worker: number): void {
    const ptr = this.take(slot);
    if (ptr === 0) return;
    try {
      handOverBlock(views, ptr, liveHeaderOf(views, ptr), worker);
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_INVALID_WORKER") throw error;
    }
    this.put(slot, ptr, door);
  }

  private handOverUnordered(views: SharedViews, slot: number, worker: number): void {
    const ptr = this.world.control[C.SLOT_TABLE + slot] as number;
    try {
      handOverBlock(views, ptr, liveHeaderOf(views, ptr), worker);
    } catch (error) {
      const { code } = error as HeapError;
      const isRefused = code === "ERR_INVALID_WORKER" || code === "ERR_INVALID_POINTER";
      if (!isRefused && code !== "ERR_DOUBLE_FREE") throw error;
    }
  }

  /** Recovers a worker, unless another worker is recovering it. */
  private recover(views: SharedViews, worker: number, freeLive: boolean): void {
    const { control } = this.world;
    try {
      const what = recoverWorker(views, worker, freeLive);
      for (const ptr of [what, ...what.others].flatMap(({ live }) => live)) {
        const count = Math.min(control[C.RECOVERED] + 1, C.MAX_RECOVERED);
        control[C.RECOVERED + count] = ptr;
        control[C.RECOVERED] = count;
      }
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_WORKER_ALIVE") throw error;
    }
  }

  /** Returns whether a worker is attached but its thread has died, or never was part of the run. */
  private isDead(views: SharedViews, worker: number): boolean {
    const { control } = this.world;
    const state = sync.load(views.words, workerSlot.at(worker) + workerSlot.STATE);
    if ((state & 0xff) !== SLOT_ACTIVE) return false;
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      const found = sync.load(control, C.WORKER_OF + thread);
      const isAlive = ((control[C.DEAD] >>> thread) & 1) === 0;
      if (isAlive && (found === worker || found === C.ATTACHING)) return false;
    }
    this.seeDeath(worker);
    return true;
  }

  /**
   * Logs that the engine has answered that a worker is dead. Its end comes before that answer, so
   * what it did is ordered before this recovery; nothing else that survives learns of a death.
   */
  private seeDeath(worker: number): void {
    const { control } = this.world;
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      const found = control[C.WORKER_OF + thread];
      const isIt = found === worker || found === C.ATTACHING;
      if (isIt && ((control[C.DEAD] >>> thread) & 1) === 1) logDeath(thread);
    }
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
        this.run([control[at], control[at + 1], control[at + 2]]);
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

/** `SharedHeap.drain`. */
export function sharedDrain(views: SharedViews): void {
  drainCaches(views);
}

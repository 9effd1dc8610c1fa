import { HeapError } from "../../../src/base/errors.js";
import type { Ptr } from "../../../src/base/types.js";
import { sharedSlabs } from "../../../src/central/sharedSlabs.js";
import { ownerOf } from "../../../src/central/states.js";
import { type HeapOptions, resolveOptions } from "../../../src/config/options.js";
import { type Door, openSharedDoor } from "../../../src/front/hot.js";
import { liveHeaderOf } from "../../../src/front/lookup.js";
import { drainAll } from "../../../src/front/sll.js";
import { reallocSlow } from "../../../src/front/slow.js";
import { claimWorker, detachWorker } from "../../../src/heap/attach.js";
import { handOverBlock } from "../../../src/heap/handOver.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import { LIVE, toHeader } from "../../../src/layout/header.js";
import { CLOSED } from "../../../src/layout/metadata.js";
import {
  MINE_MARKED,
  NOT_MINE,
  type SharedImage,
  SLOT_ACTIVE,
  SLOT_STATE,
  slotWord,
  viewShared,
} from "../../../src/layout/shared.js";
import { CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import * as C from "./control.js";
import { KILL, type Scheduler } from "./scheduler.js";
import { log, rawOf, whileWatching, writeText } from "./watch.js";

export interface Handle {
  readonly image: SharedImage;
  readonly door: Door;
}

/** What a thread or the checks need to know of the heap. */
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

  /** A handle as its worker has it between two operations: what it keeps for itself is derived. */
  handle(worker: number): Handle {
    const { buffer, handles, options, workers } = this;
    let handle = handles[worker];
    if (handle === undefined) {
      const view = (): SharedImage => viewShared(buffer, options, workers, worker, sharedSlabs);
      const image = this.isWatched ? whileWatching(view) : view();
      handle = { image, door: openSharedDoor(image, image.mine) };
      handles[worker] = handle;
    }
    const { image } = handle;
    const { cursor, gate, layout, mine, sending } = image;
    if (gate[CLOSED] !== 0) {
      handles[worker] = undefined;
      return this.handle(worker);
    }
    cursor[0] = 0;
    sending.fill(0);
    const words = rawOf(image.words);
    const marks = rawOf(image.marks);
    for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
      const state = words[layout.states + slab];
      const kind = (state >>> 8) & 0xff;
      if (ownerOf(state) !== worker + 1 || kind > CLASS_COUNT) mine[slab] = NOT_MINE;
      else mine[slab] = marks[slab] > 0 ? MINE_MARKED : toHeader(LIVE, kind);
    }
    return handle;
  }

  isActive(worker: number): boolean {
    const { words } = this.handle(worker).image;
    return (rawOf(words)[slotWord(worker, SLOT_STATE)] & 0xff) === SLOT_ACTIVE;
  }
}

/** Runs operations as one worker. */
export class Agent {
  readonly world: World;
  readonly scheduler: Scheduler;
  readonly me: number;
  handle: Handle | undefined;

  constructor(world: World, scheduler: Scheduler, me: number) {
    this.world = world;
    this.scheduler = scheduler;
    this.me = me;
  }

  /** Takes what is in a slot of the table, and puts another ptr: this synchronises the threads. */
  exchange(slot: number, ptr: number): number {
    const { control } = this.world;
    this.scheduler.step();
    const isLogged = this.scheduler.isActive && control[C.WATCH] === 2;
    if (isLogged) log(control, C.SLOT_TABLE + slot, C.SYNC_WRITE);
    const was = Atomics.exchange(control, C.SLOT_TABLE + slot, ptr);
    control[C.IN_HAND + this.me] = was;
    return was;
  }

  /** Puts an allocated block into a slot; frees what was there. */
  private put(slot: number, ptr: number, door: Door): void {
    const { control } = this.world;
    control[C.IN_HAND + this.me] = ptr;
    if (ptr === 0) return;
    for (let other = 0; other < C.SLOT_COUNT; other++) {
      if (control[C.SLOT_TABLE + other] === ptr) throw new Error(`ptr ${ptr} was handed out twice`);
    }
    const was = this.exchange(slot, ptr);
    if (was !== 0) door.free(was as Ptr);
    control[C.IN_HAND + this.me] = 0;
  }

  run([kind, a, b]: C.Op): void {
    const { world } = this;
    const { control } = world;
    if (kind === C.ATTACH) {
      if (this.handle !== undefined) return;
      const image = claimWorker(world.buffer, world.options, world.workers);
      this.handle = { image, door: openSharedDoor(image, image.mine) };
      control[C.WORKER_OF + this.me] = image.worker;
      return;
    }
    const { handle } = this;
    if (handle === undefined) return;
    const { door, image } = handle;
    if (kind === C.MALLOC) {
      this.put(a, door.tryMalloc(b), door);
    } else if (kind === C.FREE) {
      door.free(this.exchange(a, 0) as Ptr);
      control[C.IN_HAND + this.me] = 0;
    } else if (kind === C.REALLOC) {
      const ptr = this.exchange(a, 0);
      if (ptr !== 0) this.put(a, reallocSlow(image, ptr, b) || ptr, door);
    } else if (kind === C.DRAIN) {
      sharedDrain(image);
    } else if (kind === C.DETACH) {
      detachWorker(image);
      this.handle = undefined;
      control[C.WORKER_OF + this.me] = -1;
    } else if (kind === C.HAND_OVER) {
      this.handOver(image, door, a, b);
    } else if (world.isActive(a) && !this.isRunning(a)) {
      recoverWorker(image, a, b !== 0);
    }
  }

  private handOver(image: SharedImage, door: Door, slot: number, worker: number): void {
    const ptr = this.exchange(slot, 0);
    if (ptr === 0) return;
    try {
      handOverBlock(image, ptr, liveHeaderOf(image, ptr), worker);
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_INVALID_WORKER") throw error;
    }
    this.put(slot, ptr, door);
  }

  private isRunning(worker: number): boolean {
    const { control } = this.world;
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      if (control[C.WORKER_OF + thread] === worker) return true;
    }
    return false;
  }

  /** The thread's part of a run: it has the turn. */
  runScheduled(): void {
    const { control } = this.world;
    const worker = control[C.WORKER_OF + this.me];
    this.handle = worker < 0 ? undefined : this.world.handle(worker);
    this.scheduler.start();
    const first = C.OPS + this.me * C.MAX_OPS * C.OP_INTS;
    for (let op = 0; op < control[C.OPS_COUNT + this.me]; op++) {
      const at = first + op * C.OP_INTS;
      try {
        this.run([control[at], control[at + 1], control[at + 2]]);
      } catch (error) {
        if (error === KILL) break;
        if (control[C.SPURIOUS] !== 0 && isForWantOfLuck(error)) continue;
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        writeText(control, `thread ${this.me}, operation ${op}: ${what}\n`);
        break;
      }
    }
    this.scheduler.end();
  }
}

function isForWantOfLuck(error: unknown): boolean {
  const codes = ["ERR_NO_WORKER_SLOT", "ERR_WORKER_ALIVE", "ERR_HEAP_EXHAUSTED"];
  return error instanceof HeapError && codes.includes(error.code);
}

/** `SharedHeap.drain`. */
export function sharedDrain(image: SharedImage): void {
  drainAll(image);
}

import { HeapError } from "../../../src/base/errors.js";
import type { Ptr } from "../../../src/base/types.js";
import type { Recovered } from "../../../src/heap/recover.js";
import type { SharedHeap } from "../../../src/heap/sharedHeap.js";
import { MAX_WORKERS, SLOT_ACTIVE, SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import * as C from "./control.js";
import { fail, liveBlocks } from "./notes.js";
import { takeLaters } from "./watch.js";
import { checkSnapshot, type World } from "./world.js";

/*
 * What an agent calls of a `SharedHeap` besides allocating and freeing, with checks of its own.
 */

/** From this count of waits on, a worker is asked at once whether it lives. */
const WAITS_WITH_PAUSES = 8;
/** One snapshot in this many is restored. */
const RESTORED_OF = 4;

/** Allocates zeroed memory; returns 0 when memory is exhausted. */
export function allocateZeroed(heap: SharedHeap, size: number): number {
  let ptr = 0;
  try {
    ptr = heap.calloc(size);
  } catch (error) {
    if ((error as HeapError).code !== "ERR_HEAP_EXHAUSTED") throw error;
    return 0;
  }
  for (let word = ptr >> 2; word < (ptr + size) >> 2; word++) {
    if (heap.u32[word] !== 0) fail(`calloc of ${size} bytes at ${ptr}: word ${word} is not 0`);
  }
  return ptr;
}

/** Allocates at a multiple of `alignment`; returns 0 when memory is exhausted. */
export function allocateAligned(heap: SharedHeap, alignment: number, size: number): number {
  let ptr = 0;
  try {
    ptr = heap.alignedAlloc(alignment, size);
  } catch (error) {
    if ((error as HeapError).code !== "ERR_HEAP_EXHAUSTED") throw error;
    return 0;
  }
  if (ptr % alignment !== 0) fail(`ptr ${ptr} is no multiple of ${alignment}`);
  return ptr;
}

/** Whose slots are whose when a worker is asked whether it lives. */
interface Sight {
  /** The threads that live: their workers, and how often they have attached or begun to detach. */
  readonly living: readonly { thread: number; worker: number; attachments: number }[];
  readonly states: Int32Array;
}

function look({ control, slots, workers }: World): Sight {
  const living: { thread: number; worker: number; attachments: number }[] = [];
  for (let thread = 0; thread < control[C.THREADS]; thread++) {
    if (((control[C.DEAD] >>> thread) & 1) === 1) continue;
    const worker = control[C.WORKER_OF + thread] as number;
    living.push({ thread, worker, attachments: control[C.ATTACHMENTS + thread] as number });
  }
  const states = new Int32Array(workers);
  for (let worker = 0; worker < workers; worker++) {
    states[worker] = slots[workerSlot.at(worker) + workerSlot.STATE] as number;
  }
  return { living, states };
}

/** Returns the blocks that a recovery and those within it have listed. */
export function allListed({ live, others }: Recovered): number[] {
  const all: number[] = [...live];
  for (const other of others) all.push(...allListed(other));
  return all;
}

/** Asks whether workers live, recovers the dead, and checks both. */
export class Asker {
  private readonly world: World;
  private readonly me: number;
  private sight: Sight;

  constructor(world: World, me: number) {
    this.world = world;
    this.me = me;
    this.sight = { living: [], states: new Int32Array(0) };
  }

  /** Recovers a worker as a program does. */
  recoverDead(heap: SharedHeap, worker: number, freeLive: boolean): void {
    const { notes } = this.world;
    this.begin(freeLive);
    try {
      const what = heap.recover(worker, { freeLive });
      for (const one of [what, ...what.others]) this.checkDead(one.workerId);
      for (const ptr of allListed(what)) notes.listed(ptr, freeLive);
    } catch (error) {
      const { code } = error as HeapError;
      if (code !== "ERR_WORKER_ALIVE" && code !== "ERR_INVALID_WORKER") throw error;
      if (code === "ERR_WORKER_ALIVE") this.checkAlive(heap.workerId, worker);
    }
    notes.endRecovery(this.me);
  }

  /** Guards a worker that has ended as far as an event says. */
  guardEnded(heap: SharedHeap, worker: number, freeLive: boolean): void {
    const ended = { once: () => undefined, threadId: -1 };
    const onRecover = ({ live, workerId }: Recovered): void => {
      this.checkDead(workerId);
      for (const ptr of live) this.world.notes.listed(ptr, freeLive);
    };
    const named = worker === C.ANY_WORKER ? {} : { workerId: worker };
    this.begin(freeLive);
    try {
      heap.guard(ended, { ...named, freeLive, onRecover });
    } catch (error) {
      if ((error as HeapError).code !== "ERR_INVALID_WORKER") throw error;
    }
    this.world.notes.endRecovery(this.me);
  }

  /** Runs what the thread's event loop has to do. */
  runLaters(): void {
    this.begin(true);
    for (const later of takeLaters(this.me)) later();
    this.world.notes.endRecovery(this.me);
  }

  private begin(freeLive: boolean): void {
    this.world.notes.beginRecovery(this.me, freeLive);
    this.sight = look(this.world);
  }

  /** Checks that no thread lives that has been this worker since the question began. */
  private checkDead(worker: number): void {
    const { control } = this.world;
    for (const { thread, worker: own, attachments } of this.sight.living) {
      const isLeaving = control[C.IN_OP + thread] === C.DETACH;
      if (own !== worker || isLeaving || ((control[C.DEAD] >>> thread) & 1) === 1) continue;
      if (control[C.ATTACHMENTS + thread] !== attachments) continue;
      fail(`worker ${worker} was recovered, and thread ${thread} lives`);
    }
  }

  /** Checks that a worker which was said to be alive was not dead all the time. */
  private checkAlive(asker: number, worker: number): void {
    const { slots } = this.world;
    const { living, states } = this.sight;
    const state = states[worker] as number;
    const stateNow = slots[workerSlot.at(worker) + workerSlot.STATE];
    if (state !== stateNow) return;
    if ((state & SLOT_RECOVERING) !== 0) {
      const by = state & (MAX_WORKERS - 1);
      if (by !== asker) this.checkAlive(asker, by);
      return;
    }
    const waits = (slots[workerSlot.at(worker) + workerSlot.ARMED] as number) & 0xff;
    const isLiving = living.some(({ worker: own }) => own === worker || own === C.ATTACHING);
    if ((state & 0xff) !== SLOT_ACTIVE || isLiving || waits <= WAITS_WITH_PAUSES) return;
    fail(`worker ${worker} is dead, and was said to be alive`);
  }
}

/** Frees every block, if no other worker is attached. */
export function resetHeap(world: World, inHand: Int32Array, heap: SharedHeap): void {
  const { notes } = world;
  const before = notes.everywhere();
  const freed = new Set<number>();
  const noting = {
    free(ptr: Ptr): void {
      freed.add(ptr);
      notes.lose(ptr);
      inHand[0] = ptr;
      heap.free(ptr);
      inHand[0] = 0;
    },
  };
  const own = Object.create(heap) as { free: (ptr: Ptr) => void; reset: () => void };
  own.free = noting.free;
  try {
    own.reset();
  } catch (error) {
    if ((error as HeapError).code !== "ERR_WORKER_ALIVE") throw error;
    return;
  }
  const after = new Set(notes.everywhere());
  for (const ptr of before) {
    if (!freed.has(ptr) && after.has(ptr)) fail(`ptr ${ptr} was not freed by reset`);
  }
}

/** What other threads do: a heap is quiet while none of them is within an operation. */
class Others {
  private readonly control: Int32Array;
  private readonly me: number;
  private readonly steps: number;
  private readonly isQuiet: boolean;

  constructor(control: Int32Array, me: number) {
    this.control = control;
    this.me = me;
    this.steps = this.countSteps();
    this.isQuiet = !this.areWithin();
  }

  areQuiet(): boolean {
    return this.isQuiet && this.countSteps() === this.steps;
  }

  private countSteps(): number {
    const { control, me } = this;
    let steps = 0;
    for (let thread = 0; thread < control[C.THREADS]; thread++) {
      if (thread !== me) steps += control[C.OWN_STEPS + thread] as number;
    }
    return steps;
  }

  private areWithin(): boolean {
    const { control, me } = this;
    for (let thread = 0; thread < 8; thread++) {
      if (thread !== me && control[C.IN_OP + thread] !== 0) return true;
    }
    return false;
  }
}

/** Reads statistics, verifies, or takes a snapshot, while others may change the heap. */
export function readHeap(world: World, me: number, heap: SharedHeap, kind: number): void {
  const { control } = world;
  const others = new Others(control, me);
  try {
    if (kind === C.VERIFY) {
      heap.verify();
    } else if (kind === C.STATS) {
      const { blocks: counted } = heap.stats().live;
      const found = others.areQuiet() ? liveBlocks(world.headers, world.firstSlab).length : counted;
      if (counted !== found) fail(`stats say ${counted} live blocks of ${found}`);
    } else {
      const bytes = heap.snapshot();
      const isDue = control[C.STEP] % RESTORED_OF === 0;
      if (isDue && others.areQuiet()) checkSnapshot(world, bytes);
    }
  } catch (error) {
    const isExpected = error instanceof HeapError && error.code === "ERR_HEAP_CORRUPTED";
    if (!isExpected || others.areQuiet()) throw error;
  }
}

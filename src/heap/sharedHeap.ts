import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import { tagOf } from "../base/tag.js";
import type { Ptr, WorkerIndex } from "../base/types.js";
import { type HeapOptions, resolveOptions } from "../config/options.js";
import { openSharedDoor } from "../front/door.js";
import { liveHeaderOf } from "../front/lookup.js";
import { drainCaches } from "../front/sll.js";
import { readSharedSuperblock } from "../inspect/open.js";
import { readSharedStats, type SharedHeapStats } from "../inspect/sharedStats.js";
import { asSharedImage, checkWords, verifyShared } from "../inspect/sharedVerify.js";
import { restoreBuffer, snapshotImage } from "../inspect/snapshot.js";
import type { SharedViews } from "../layout/sharedViews.js";
import { isWorkers, SLOT_FREE } from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import { SLAB_BYTES } from "../layout/units.js";
import * as workerSlot from "../layout/workerSlot.js";
import { checkMaxWorkers, claimWorker, detachWorker, formatShared } from "./attach.js";
import { BaseHeap, setHidden } from "./base.js";
import { checkCount, freeEach, type PtrArray } from "./batch.js";
import { checkFunction, checkMade, checkObject } from "./checks.js";
import { bufferOf, capacityOfBuffer, type HeapMemory, newSharedBuffer } from "./create.js";
import { type Guarded, guardWorker, recoverIfDead, recoverWhenDead } from "./guard.js";
import { handOverBlock } from "./handOver.js";
import type { Recovered } from "./recover.js";
import { joinRestored } from "./restore.js";
import { holdSlots, releaseSlots } from "./slots.js";
import { checkSignal, checkTimeout, mallocBlocking, type Signal, WaitQueue } from "./wait.js";

/** The options of a heap, and how many workers may be attached at once. */
export interface SharedHeapOptions extends HeapOptions {
  /**
   * How many workers may be attached at once: 1 to 64, by default 16. Each reserves 12 to 16 KiB of
   * metadata, by the capacity, whether it attaches or not.
   */
  maxWorkers: number;
}

const DEFAULT_WORKERS = 16;

/** Resolves the options of a heap. The error for an unknown name lists `maxWorkers` too. */
function resolveShared(options: Partial<HeapOptions>): HeapOptions {
  try {
    return resolveOptions(options);
  } catch (error) {
    const { accepted, ...details } = (error as HeapError).details;
    if (!Array.isArray(accepted)) throw error;
    const { code, message } = error as HeapError;
    const all = [...accepted, "maxWorkers"];
    throw new HeapError(code, `${message}, maxWorkers`, { ...details, accepted: all });
  }
}

/** The longest timer: engines run one that is longer at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Throws if this worker has sent or collected a block that two workers freed at the same moment:
 * once, after all is done.
 * @throws {HeapError} ERR_DOUBLE_FREE
 */
function tellDoubleFree({ doubleFree }: SharedViews): void {
  const ptr = doubleFree[0];
  if (ptr === 0) return;
  doubleFree[0] = 0;
  const message = `ptr ${ptr} was freed by two workers at the same moment`;
  throw new HeapError("ERR_DOUBLE_FREE", message, { ptr, reason: "freed" });
}

declare function setInterval(run: () => void, ms: number): unknown;
declare function clearInterval(timer: unknown): void;

/**
 * A heap that several workers share: each may allocate, free what any has allocated, and die. The
 * `SharedArrayBuffer` is the whole handle: post it to a worker, which attaches. A `SharedHeap` is
 * used by one agent only.
 *
 * Blocks of a worker's own slabs cost what they cost in `Heap`. A block of another worker costs
 * about 10 ns to free, because it is sent home together with many others. `stats`, `verify`,
 * `snapshot` and `blocks` are exact while the other workers are quiet. The smallest block has 32
 * bytes. docs/CONCURRENCY.md is the guide, docs/CONCURRENCY-PROOF.md says why it is right.
 */
export class SharedHeap extends BaseHeap<SharedArrayBuffer> {
  /** The slot of this handle: 0 to `maxWorkers - 1`. */
  readonly workerId: number;
  /** How many workers may be attached at once. */
  readonly maxWorkers: number;
  declare private readonly shared: SharedViews;
  declare private readonly queue: WaitQueue;
  /** A bit for each granule, for `freeBatch`. It is made by the first call. */
  #seen: Uint32Array | undefined;

  private constructor(buffer: SharedArrayBuffer, views: SharedViews, options: HeapOptions) {
    super(buffer, checkMade(views), options, openSharedDoor(views, views.mine));
    this.workerId = views.worker;
    this.maxWorkers = views.layout.workers;
    setHidden(this, { shared: views, queue: new WaitQueue(views) });
    this.#seen = undefined;
  }

  /**
   * Creates a heap in a new `SharedArrayBuffer`, and attaches to it.
   * @throws {HeapError} ERR_INVALID_OPTION; ERR_HEAP_EXHAUSTED if the system has no such buffer.
   */
  static create(options: Partial<SharedHeapOptions> = {}): SharedHeap {
    const isObject = typeof options === "object" && options !== null;
    const { maxWorkers = DEFAULT_WORKERS, ...rest } = isObject ? options : {};
    const resolved = resolveShared(isObject ? rest : options);
    resolved.capacity = Math.ceil(resolved.capacity / SLAB_BYTES) * SLAB_BYTES;
    checkMaxWorkers(resolved, maxWorkers);
    const buffer = newSharedBuffer(resolved.capacity);
    formatShared(buffer, resolved, maxWorkers);
    return SharedHeap.join(buffer, resolved, maxWorkers);
  }

  /**
   * Attaches this agent to a heap that another has created. About 0.2 ms.
   * @throws {HeapError} ERR_BAD_HEAP_IMAGE with the field that failed, if it is not a heap, is one
   * of another version or layout, or is being formatted; ERR_NO_WORKER_SLOT if all slots are taken;
   * ERR_INVALID_ARGUMENT if the memory is not shared.
   */
  static attach(memory: HeapMemory<SharedArrayBuffer>): SharedHeap {
    const buffer = bufferOf(memory);
    if (tagOf(buffer) !== "SharedArrayBuffer") {
      const message = "workers share a SharedArrayBuffer; got an ArrayBuffer, for Heap.open";
      throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: memory });
    }
    const { options, workers } = readSharedSuperblock(buffer, capacityOfBuffer(buffer));
    return SharedHeap.join(buffer, options, workers);
  }

  /**
   * Creates a heap from a snapshot of a shared heap, in a new buffer, and attaches to it. Live ptrs
   * stay live. The workers that were attached are recovered. It checks all of the image, and takes
   * time in proportion to the capacity and the bytes of the snapshot.
   * @throws {HeapError} ERR_BAD_HEAP_IMAGE for anything but an intact snapshot; ERR_HEAP_EXHAUSTED
   * if the system has no such buffer.
   */
  static restore(snapshot: Uint8Array): SharedHeap {
    const buffer = restoreBuffer(snapshot, newSharedBuffer);
    const { options, workers } = readSharedSuperblock(buffer, buffer.byteLength);
    const views = asSharedImage(() => {
      checkWords(buffer, options, workers);
      const joined = joinRestored(buffer, options, workers);
      verifyShared(joined);
      return joined;
    });
    return new SharedHeap(buffer, views, options);
  }

  private static join(
    buffer: SharedArrayBuffer,
    options: HeapOptions,
    workers: number,
  ): SharedHeap {
    return new SharedHeap(buffer, claimWorker(buffer, options, workers), options);
  }

  /**
   * Allocates as `malloc` does, but waits until other workers have freed memory. The calls of one
   * worker are served in their order; among workers, the one that waits longest tries first.
   * @returns a promise of the block. It rejects with what `malloc` throws, with the reason of an
   * aborted signal, with ERR_HEAP_DISPOSED when this worker detaches, or with ERR_INVALID_ARGUMENT.
   */
  mallocAsync(size: number, options: { signal?: Signal } = {}): Promise<Ptr> {
    return this.queue.malloc(size, options) as Promise<Ptr>;
  }

  /**
   * Allocates as `malloc` does, but blocks this agent until there is memory. A browser's main
   * thread may not block.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED after `timeout` milliseconds (by default never), or if
   * the agent would have to wait and may not block; ERR_INVALID_ARGUMENT.
   */
  mallocWait(size: number, options: { timeout?: number } = {}): Ptr {
    checkObject("options", options);
    return mallocBlocking(this.shared, size, checkTimeout(options.timeout)) as Ptr;
  }

  /**
   * Frees the blocks that the first `count` places name: all of them or none. 0 is skipped. Costs
   * one check and one `free` per block. The first call allocates a bit for each 16 bytes of the
   * heap.
   * @throws {HeapError} as `free` does, also for a ptr that is there twice; ERR_INVALID_ARGUMENT
   * unless `ptrs` is an array of at least `count` places and `count` is an integer from 0.
   */
  override freeBatch(ptrs: PtrArray, count: number): void {
    checkCount(count, ptrs, false);
    this.openViews();
    this.#seen ??= new Uint32Array(this.options.capacity >>> 9);
    freeEach(this.shared, this, ptrs, count, this.#seen);
  }

  /**
   * Hands a live block over: from now on another worker holds it. The block stays live when this
   * worker is recovered, and belongs to the other when that one is. The holder of the block may do
   * it: the owner of its slab, or the worker that it was handed over to. Any worker may while the
   * holder is not known, as for the blocks that a recovery listed. It takes a few atomic
   * operations. Until the block is freed, frees of blocks of its slab are slower.
   * @throws {HeapError} as `free` does; ERR_INVALID_WORKER unless `workerId` is attached and this
   * worker may hand the block over.
   */
  handOver(ptr: Ptr, workerId: number): void {
    const views = this.shared;
    const header = liveHeaderOf(views, ptr);
    this.checkAttached(workerId);
    handOverBlock(views, ptr, header, workerId);
  }

  /**
   * Recovers a dead worker: brings back its caches, what it was sending, and its slabs. The blocks
   * that it held live are listed, and freed with `freeLive`, except those that it had handed over.
   * The workers that it was recovering when it died are recovered with it. It takes about 20 µs for
   * each of its slabs. If this worker dies meanwhile, another one can recover both: what was not
   * returned is listed then. If the worker's engine can tell nobody whether it lives, `exited` says
   * that the program knows.
   * @throws {HeapError} ERR_WORKER_ALIVE for a worker that lives or may live (see
   * docs/CONCURRENCY.md), or that leaves or is recovered by another one meanwhile;
   * ERR_INVALID_WORKER for one that is not attached; ERR_INVALID_ARGUMENT.
   */
  recover(workerId: number, options: { freeLive?: boolean; exited?: boolean } = {}): Recovered {
    const views = this.openShared();
    checkObject("options", options);
    const { freeLive, exited } = options;
    const state = this.checkAttached(workerId);
    return recoverIfDead(views, workerId, state, freeLive === true, exited === true);
  }

  /**
   * Waits until a worker is dead, and recovers it as `recover` does. It asks the engine, first
   * after 10 ms, then with pauses that grow to a second. Node keeps running meanwhile.
   * @returns a promise of what was recovered; of undefined if the worker left by itself, or if
   * another worker recovered it. It rejects with the reason of an aborted signal, with
   * ERR_HEAP_DISPOSED when this worker detaches, with ERR_WORKER_ALIVE for this worker itself
   * and in an engine without `Atomics.waitAsync`, with ERR_INVALID_WORKER or ERR_INVALID_ARGUMENT.
   */
  async recoverWhenDead(
    workerId: number,
    options: { freeLive?: boolean; signal?: Signal } = {},
  ): Promise<Recovered | undefined> {
    const views = this.openShared();
    checkObject("options", options);
    const { freeLive, signal } = options;
    if (signal !== undefined) checkSignal(signal);
    const state = this.checkAttached(workerId);
    return recoverWhenDead(views, workerId, state, freeLive === true, signal);
  }

  /**
   * Recovers a worker when it has ended without having detached; or at once if it has ended
   * already. Node's event `exit` says when to ask. With `workerId` that worker is asked whether it
   * lives, now and then until it is dead, because the event of Deno comes early. Without it every
   * attached worker is asked, for a second. A Web Worker has no such event, so it needs `workerId`,
   * and is asked all the time with growing pauses. What another worker recovers first is left to
   * it. The guard throws nothing but what `onRecover` throws, and does not keep Node running.
   * @returns a function that ends the guard.
   * @throws {HeapError} ERR_INVALID_WORKER; ERR_INVALID_ARGUMENT.
   */
  guard(
    worker: Guarded,
    options: { workerId?: number; freeLive?: boolean; onRecover?: (what: Recovered) => void } = {},
  ): () => void {
    const views = this.openShared();
    checkObject("options", options);
    const { workerId, freeLive, onRecover } = options;
    if (onRecover !== undefined) checkFunction("onRecover", onRecover);
    const asked = workerId === undefined ? undefined : this.checkAttached(workerId);
    const named = asked === undefined ? undefined : { worker: workerId as number, state: asked };
    return guardWorker(views, worker, named, freeLive === true, onRecover ?? (() => {}));
  }

  /**
   * Drains as every heap does, and sends the blocks of other workers that this one has freed.
   * @throws {HeapError} ERR_DOUBLE_FREE when all is done, if two workers freed a block at the same
   * moment: it is told to the one that sends it later, or to the slab's owner. ERR_HEAP_DISPOSED.
   */
  override drain(): void {
    super.drain();
    tellDoubleFree(this.shared);
  }

  /**
   * Drains every `ms` milliseconds in this agent's event loop, so that a quiet worker keeps
   * nothing. The timer does not keep Node running.
   * @returns a function that ends it.
   * @throws {HeapError} ERR_INVALID_ARGUMENT unless `ms` is above 0 and at most 2^31 - 1.
   */
  drainEvery(ms: number): () => void {
    this.openViews();
    if (!(typeof ms === "number" && ms > 0 && ms <= MAX_TIMER_MS)) {
      const message = `ms is ${describe(ms)}; it takes milliseconds above 0, to ${MAX_TIMER_MS}`;
      throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: ms, max: MAX_TIMER_MS });
    }
    const timer = setInterval(() => {
      if (this.shared.gate[superblock.CLOSED] !== 0) clearInterval(timer);
      else drainCaches(this.shared);
    }, ms);
    (timer as { unref?: () => void }).unref?.();
    return () => clearInterval(timer);
  }

  /**
   * Detaches this worker. What it caches goes back, and other workers adopt its slabs with live
   * blocks. Blocks that are live stay live. Every later call throws, except `detach`, which does
   * nothing. Takes time in proportion to the cached blocks, the slabs of the heap, and the blocks
   * of this worker's slabs.
   * @throws {HeapError} ERR_DOUBLE_FREE as `drain` does, when it has detached.
   */
  detach(): void {
    const views = this.shared;
    if (views.gate[superblock.CLOSED] !== 0) return;
    detachWorker(views);
    tellDoubleFree(views);
  }

  /** Detaches this worker, as `detach` does. */
  [Symbol.dispose](): void {
    this.detach();
  }

  /**
   * Returns figures of the heap and of each worker, in bytes and blocks, as a plain object that
   * `JSON.stringify` takes. Takes time in proportion to the metadata.
   * @throws {HeapError} ERR_HEAP_DISPOSED
   */
  stats(): SharedHeapStats {
    return readSharedStats(this.openShared(), this.options);
  }

  /**
   * Checks every invariant by reading all headers, records and lists of the image. The other
   * workers must be quiet. Takes time in proportion to the capacity and the cached blocks.
   * @throws {HeapError} ERR_HEAP_CORRUPTED with the invariant, the address (a byte offset), and
   * what was found there; ERR_HEAP_DISPOSED.
   */
  verify(): void {
    verifyShared(this.openShared());
  }

  /**
   * Returns a copy of the written pages of metadata and of the carved bytes of slabs and spans,
   * with their headers. Slabs in the arena are left out. The other workers must be quiet. Takes
   * time in proportion to the bytes that it returns.
   * @throws {HeapError} ERR_HEAP_CORRUPTED for a slab that says it uses more than it has;
   * ERR_HEAP_DISPOSED.
   */
  snapshot(): Uint8Array<ArrayBuffer> {
    return snapshotImage(this.openShared());
  }

  /**
   * Frees every block, for a worker that is alone. An agent that attaches meanwhile finds no slot.
   * It frees them one by one, so it takes time in proportion to the blocks.
   * @throws {HeapError} ERR_WORKER_ALIVE while others are attached; ERR_HEAP_DISPOSED.
   */
  reset(): void {
    const views = this.openShared();
    try {
      const other = holdSlots(views);
      if (other >= 0) {
        const message = `worker ${other} is attached; a heap is reset by a worker that is alone`;
        throw new HeapError("ERR_WORKER_ALIVE", message, { workerId: other });
      }
      drainCaches(views);
      for (const { ptr, state } of [...this.blocks()]) if (state === "live") this.free(ptr);
      drainCaches(views);
    } finally {
      releaseSlots(views, this.workerId);
    }
  }

  private openShared(): SharedViews {
    this.openViews();
    return this.shared;
  }

  private slotState(worker: WorkerIndex): number {
    return sync.load(this.shared.words, workerSlot.at(worker) + workerSlot.STATE);
  }

  /** Returns the state of a worker's slot. @throws ERR_INVALID_WORKER unless it is attached. */
  private checkAttached(workerId: number): number {
    const isId = Number.isInteger(workerId) && workerId >= 0 && workerId < this.maxWorkers;
    const state = isId ? this.slotState(workerId) : SLOT_FREE;
    if (isWorkers(state)) return state;
    const message = `workerId is ${describe(workerId)}; it takes that of an attached worker`;
    throw new HeapError("ERR_INVALID_WORKER", message, { got: workerId });
  }
}

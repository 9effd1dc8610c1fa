import { Buffer } from "node:buffer";
import { expect } from "vitest";
import {
  Heap,
  HeapError,
  type HeapErrorCode,
  type HeapOptions,
  type HeapStats,
  type Ptr,
} from "../../src/index.js";
import { Oracle } from "../support/oracle.js";

export const SLAB_BYTES = 65536;
/** What SAFE_FREE leaves: links may lie there. */
const LINK_BYTES = 8;

/** Block bytes of every size class, as the heap tells them. */
export const CLASS_BYTES: readonly number[] = Heap.create({ capacity: 2 ** 20 })
  .stats()
  .classes.map((own) => own.blockBytes);

const EDGES: readonly number[] = [
  0, 1, 15, 16, 17, 255, 256, 257, 1023, 1024, 1025, 32767, 32768, 32769, 65535, 65536, 65537,
];

/** How a run's heap is made. */
export interface Plan {
  readonly options: Partial<HeapOptions> & { readonly capacity: number };
  readonly memory: "create" | "over" | "shared";
  /** Sizes that the run asks for most, so that single classes fill their caches. */
  readonly favourites: readonly number[];
}

function makeHeap({ options, memory }: Plan): Heap {
  const { capacity, ...rest } = options;
  if (memory === "create") return Heap.create(options);
  const odd = capacity + 4096;
  return Heap.over(memory === "shared" ? new SharedArrayBuffer(odd) : new ArrayBuffer(odd), rest);
}

/** A heap, its oracle, and what a program that misuses it would have kept. */
export class World {
  readonly oracle: Oracle;
  readonly plan: Plan;
  /** Ptrs that were freed, newest last; some may be live again. */
  readonly freedPtrs: number[] = [];
  /** Views of blocks that were freed. */
  readonly staleViews: Uint8Array[] = [];
  readonly metadataBytes: number;
  heap: Heap;
  /** Whether links may have been overwritten since the last drain, which mends them. */
  hasStaleLinks = false;

  constructor(plan: Plan) {
    this.plan = plan;
    this.heap = makeHeap(plan);
    this.metadataBytes = this.heap.stats().metadataBytes;
    this.oracle = new Oracle(this.heap);
  }

  /** The largest size that is no misuse. */
  get largest(): number {
    return this.heap.options.capacity - this.metadataBytes;
  }

  /** Mends what stale views have done to links: a drain walks them all. */
  settle(): void {
    if (this.hasStaleLinks) this.heap.drain();
    this.hasStaleLinks = false;
  }

  verify(): void {
    this.settle();
    this.heap.verify();
  }

  conservation(): HeapStats {
    this.settle();
    return this.oracle.conservation();
  }

  switchTo(heap: Heap): void {
    expect(heap.options).toEqual(this.heap.options);
    this.heap = heap;
    this.oracle.attach(heap);
    this.oracle.checkAll();
  }

  /** A size out of a mixture that prefers the favourites and the edges; never a misuse. */
  size(pick: number): number {
    return Math.min(this.largest, this.anySize(pick));
  }

  private anySize(pick: number): number {
    const detail = pick >>> 4;
    const { favourites } = this.plan;
    const kind = pick & 15;
    if (kind < 9) return favourites[detail % favourites.length] as number;
    if (kind < 11) return EDGES[detail % EDGES.length] as number;
    if (kind === 11) {
      const edge = CLASS_BYTES[(detail >>> 2) % CLASS_BYTES.length] as number;
      return edge - 1 + (detail % 3);
    }
    if (kind === 12) return detail % 40000;
    if (kind === 13) {
      const slabs = 2 + (detail % 4);
      return Math.max(65537, slabs * SLAB_BYTES - 1 + ((detail >>> 2) % 3));
    }
    if (kind === 14 && detail % 64 === 0) return this.largest - ((detail >>> 6) % 3) * SLAB_BYTES;
    return detail % 1100;
  }

  livePtr(pick: number): Ptr {
    return this.oracle.ptrs[pick % this.oracle.count] as Ptr;
  }

  /** Allocates by `call`; null if memory is exhausted, which must then be true. */
  tryTake(size: number, alignment: number, call: () => Ptr): Ptr | null {
    let ptr = 0;
    try {
      ptr = call();
    } catch (error) {
      if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
    }
    if (ptr !== 0) return ptr as Ptr;
    this.checkExhausted(size, alignment);
    return null;
  }

  /** Whether `call` took a batch; that none of it was kept when not, conservation shows. */
  tryTakeBatch(call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      if (error instanceof HeapError && error.code === "ERR_HEAP_EXHAUSTED") return false;
      throw error;
    }
  }

  free(ptr: Ptr): void {
    this.forget(ptr, () => this.heap.free(ptr));
  }

  /** Checks a block, has it freed by `call`, and keeps a stale view of it now and then. */
  forget(ptr: Ptr, call: () => void): void {
    const { oracle, heap } = this;
    oracle.check(ptr);
    const usable = oracle.usableOf(ptr);
    if (this.staleViews.length < 32 && ptr % 3 === 0) this.staleViews.push(heap.bytes(ptr));
    call();
    oracle.freed(ptr);
    this.freedPtrs.push(ptr);
    if (this.freedPtrs.length > 256) this.freedPtrs.splice(0, 128);
    if (!heap.options.safeFree) return;
    for (let at = ptr + LINK_BYTES; at < ptr + usable; at++) {
      if (heap.u8[at] !== 0xde) throw new Error(`freed ${ptr} holds ${heap.u8[at]} at ${at}`);
    }
  }

  /** A misuse: `call` throws one of these codes and no byte of the metadata changes. */
  refused(what: string, codes: readonly HeapErrorCode[], call: () => unknown): void {
    const { u8 } = this.heap;
    const end = this.metadataBytes;
    const before = u8.slice(0, end);
    let thrown: unknown = "nothing";
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    const isRefused = thrown instanceof HeapError && codes.includes(thrown.code);
    if (!isRefused) throw new Error(`${what}: expected ${codes.join(" or ")}, threw ${thrown}`);
    if (Buffer.compare(before, u8.subarray(0, end)) !== 0)
      throw new Error(`${what}: refused, but the heap has changed`);
  }

  /** Exhaustion must be true: no free block, no uncarved room, no run of free slabs would do. */
  private checkExhausted(size: number, alignment: number): void {
    const { heap } = this;
    const stats = heap.stats();
    if (stats.cached.blocks > 0) throw new Error("exhausted, but blocks are still cached");
    const blockBytes = this.blockBytesFor(size, alignment);
    const own = stats.classes.find((candidate) => candidate.blockBytes === blockBytes);
    if (own !== undefined && (own.free.blocks > 0 || own.uncarvedBytes > 0))
      throw new Error(`exhausted for ${size} bytes, but its class has room`);
    const needed = Math.ceil(blockBytes / SLAB_BYTES);
    const longest = longestFreeRun(heap, stats);
    if (longest >= needed) throw new Error(`exhausted for ${needed} slabs; ${longest} are free`);
  }

  private blockBytesFor(size: number, alignment: number): number {
    const isRouted = !this.heap.options.wrapTiny && size <= 1024;
    const least = Math.max(isRouted ? 1025 : size, alignment > 16 ? alignment : 0);
    const fits = (bytes: number): boolean =>
      bytes >= least && (alignment <= 16 || bytes % alignment === 0);
    return CLASS_BYTES.find(fits) ?? size;
  }
}

/** The longest run of slabs in which the walk finds no block. */
function longestFreeRun(heap: Heap, stats: HeapStats): number {
  const slabs = stats.capacityBytes / SLAB_BYTES;
  const used = new Uint8Array(slabs);
  used.fill(1, 0, stats.metadataBytes / SLAB_BYTES);
  for (const { ptr, size } of heap.blocks()) {
    used.fill(1, ptr >>> 16, ((ptr + size - 1) >>> 16) + 1);
  }
  let longest = 0;
  for (let slab = 0, run = 0; slab < slabs; slab++) {
    run = used[slab] === 0 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

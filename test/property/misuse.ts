import { expect } from "vitest";
import type { HeapErrorCode, Ptr, PtrArray } from "../../src/index.js";
import type { World } from "./world.js";

const BAD_PTR: readonly HeapErrorCode[] = ["ERR_INVALID_POINTER", "ERR_DOUBLE_FREE"];
const TIERS: readonly string[] = ["tiny", "pool", "large"];

/** What a buggy program takes for a ptr; never one that is live, nor 0. */
function badPtr(world: World, kind: number, pick: number): unknown {
  const { heap, oracle, freedPtrs } = world;
  const { capacity } = heap.options;
  const ptr = oracle.count > 0 ? world.livePtr(pick) : (capacity - 16) & -16;
  const usable = oracle.isLive(ptr) ? oracle.usableOf(ptr) : 16;
  const candidates: readonly unknown[] = [
    freedPtrs[pick % Math.max(1, freedPtrs.length)],
    ptr + 16 * (1 + (pick % Math.max(1, usable / 16 - 1))),
    ptr + 1 + (pick % 15),
    capacity + 16 * (pick % 99),
    2 ** 32 + ptr,
    -ptr,
    -16,
    Number.NaN,
    undefined,
    ptr + 0.5,
    BigInt(ptr),
    String(ptr),
    null,
    Number.POSITIVE_INFINITY,
    16 * (1 + (pick % 999)),
    capacity - 16 * (1 + (pick % 9999)),
    { ptr },
    [ptr],
    true,
    Symbol("ptr"),
  ];
  const bad = candidates[kind % candidates.length];
  const isUsable = bad !== 0 && !(typeof bad === "number" && oracle.isLive(bad));
  return isUsable ? bad : undefined;
}

/** The code that fits what `classify` says of a bad ptr. */
function expectedCodes(world: World, bad: unknown): readonly HeapErrorCode[] {
  const kind = world.heap.classify(bad as number);
  expect(TIERS).not.toContain(kind);
  const isInside = typeof bad === "number" && bad % 16 === 0 && world.oracle.ownsGranule(bad);
  if (isInside) expect(kind).toBe("interior");
  return kind === "freed" ? ["ERR_DOUBLE_FREE"] : ["ERR_INVALID_POINTER"];
}

/** Every call that takes a ptr refuses a bad one. */
export function badPointer(world: World, a: number, b: number, c: number): void {
  const { heap, oracle } = world;
  const bad = badPtr(world, a, b) as Ptr;
  const codes = expectedCodes(world, bad);
  const what = `bad ptr ${String(bad)}`;
  world.refused(`free, ${what}`, codes, () => heap.free(bad));
  world.refused(`realloc, ${what}`, codes, () => heap.realloc(bad, c % 3000));
  world.refused(`usableSize, ${what}`, codes, () => heap.usableSize(bad));
  world.refused(`bytes, ${what}`, codes, () => heap.bytes(bad));
  if (c % 3 !== 0 || oracle.count === 0) return;
  const ptr = world.livePtr(c);
  const isSpan = oracle.usableOf(ptr) > 65536;
  world.free(ptr);
  const code = isSpan ? "ERR_INVALID_POINTER" : "ERR_DOUBLE_FREE";
  world.refused("double free", [code], () => heap.free(ptr));
  expect(heap.classify(ptr)).toBe(isSpan ? "unallocated" : "freed");
}

/** A batch with one bad ptr, or one that stands there twice, frees nothing. */
export function badFreeBatch(world: World, a: number, b: number, c: number): void {
  const { heap, oracle } = world;
  const count = Math.min(oracle.count, 1 + (b % 60));
  const start = c % (oracle.count - count + 1);
  const ptrs: unknown[] = oracle.ptrs.slice(start, start + count);
  const isTwice = a % 3 === 0 && count > 0;
  const bad = isTwice ? ptrs[b % count] : badPtr(world, a >>> 2, b);
  ptrs.splice(c % (ptrs.length + 1), 0, bad);
  if (a % 5 === 0) ptrs.push(0);
  const isInt = typeof bad === "number" && (bad | 0) === bad;
  const list = isInt && a % 2 === 0 ? Int32Array.from(ptrs as number[]) : (ptrs as number[]);
  const what = `freeBatch with ${String(bad)}`;
  world.refused(what, BAD_PTR, () => heap.freeBatch(list, list.length));
  for (const ptr of oracle.ptrs.slice(start, start + count)) oracle.check(ptr);
}

/** Every call that takes a size refuses a bad one. */
export function badSize(world: World, a: number, b: number): void {
  const { heap, oracle, largest } = world;
  const sizes: readonly unknown[] = [
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 32,
    2 ** 32 + 16,
    -(2 ** 31),
    2 ** 53,
    largest + 1,
    undefined,
    null,
    "16",
    16n,
    100n,
    {},
    [16],
    true,
    Symbol("size"),
    16.5,
    70000.5,
  ];
  const bad = sizes[a % sizes.length] as number;
  const what = `size ${String(bad)}`;
  const codes: readonly HeapErrorCode[] = ["ERR_INVALID_SIZE"];
  world.refused(`malloc, ${what}`, codes, () => heap.malloc(bad));
  world.refused(`tryMalloc, ${what}`, codes, () => heap.tryMalloc(bad));
  world.refused(`calloc, ${what}`, codes, () => heap.calloc(bad));
  world.refused(`alignedAlloc, ${what}`, codes, () => heap.alignedAlloc(2 ** (b % 17), bad));
  world.refused(`realloc of 0, ${what}`, codes, () => heap.realloc(0 as Ptr, bad));
  world.refused(`mallocBatch, ${what}`, codes, () => heap.mallocBatch(bad, 1 + (b % 3), []));
  if (oracle.count === 0) return;
  const ptr = world.livePtr(b);
  world.refused(`realloc, ${what}`, codes, () => heap.realloc(ptr, bad));
  oracle.check(ptr);
}

export function badArguments(world: World, a: number, b: number): void {
  const { heap, oracle } = world;
  const alignments: readonly unknown[] = [0, 3, -16, 131072, 2 ** 32, 0.5, Number.NaN, "16", 16n];
  const alignment = alignments[a % alignments.length] as number;
  world.refused(`alignment ${String(alignment)}`, ["ERR_INVALID_ALIGNMENT"], () =>
    heap.alignedAlloc(alignment, b % 100),
  );
  const counts: readonly unknown[] = [-1, 0.5, Number.NaN, 5, "2", undefined, 2n];
  const count = counts[a % counts.length] as number;
  const argument: readonly HeapErrorCode[] = ["ERR_INVALID_ARGUMENT"];
  const what = `count ${String(count)}`;
  world.refused(what, argument, () => heap.mallocBatch(b % 100, count, new Int32Array(4)));
  world.refused(what, argument, () => heap.freeBatch([0, 0, 0, 0], count));
  const noArray = undefined as unknown as PtrArray;
  world.refused("no array", argument, () => heap.mallocBatch(b % 100, 1, noArray));
  world.refused("no array", argument, () => heap.freeBatch(noArray, 1));
  if (oracle.count === 0) return;
  const ptr = world.livePtr(b);
  const lengths: readonly unknown[] = [-1, 0.5, Number.NaN, oracle.usableOf(ptr) + 1, "1", 1n];
  const length = lengths[a % lengths.length] as number;
  world.refused(`length ${String(length)}`, argument, () => heap.bytes(ptr, length));
}

/** A disposed heap refuses every call. */
export function disposedCalls({ heap, oracle }: World): void {
  const ptr = (oracle.ptrs[0] ?? 65536) as Ptr;
  const calls: readonly (() => unknown)[] = [
    () => heap.malloc(16),
    () => heap.malloc(100000),
    () => heap.tryMalloc(16),
    () => heap.calloc(16),
    () => heap.alignedAlloc(64, 16),
    () => heap.realloc(ptr, 16),
    () => heap.realloc(0 as Ptr, 16),
    () => heap.free(ptr),
    () => heap.mallocBatch(16, 1, []),
    () => heap.freeBatch([ptr], 1),
    () => heap.usableSize(ptr),
    () => heap.classify(ptr),
    () => heap.bytes(ptr),
    () => heap.blocks(),
    () => heap.drain(),
    () => heap.reset(),
    () => heap.stats(),
    () => heap.verify(),
    () => heap.snapshot(),
  ];
  for (const call of calls) {
    expect(call).toThrow(expect.objectContaining({ code: "ERR_HEAP_DISPOSED" }));
  }
}

import { describe, expect, it } from "vitest";
import { BufferPool, type ByteHeap } from "../../../src/buffers/index.js";
import { Heap, type Ptr, SharedHeap } from "../../../src/index.js";
import { NodeBufferPool } from "../../../src/node/pool.js";
import { at, thrown, wrong } from "../help.js";
import {
  expectNothingLeft,
  HOSTILE,
  liveBlocks,
  newPools,
  newShared,
  refusal,
  takeAgain,
} from "./help.js";

const SIZES = [0, 1, 15, 16, 17, 64, 100, 255, 1024, 1025, 16384, 40960, 65535, 65536];
const SPANS = [65537, 131072, 200_000, 2 ** 20];

describe("buffers of a pool", () => {
  it.each([...SIZES, ...SPANS])("allocUnsafe(%i) is a view whose offset is the ptr", (size) => {
    const { heap, buffers } = newPools();
    const view = buffers.allocUnsafe(size);
    expect(Object.getPrototypeOf(view)).toBe(Uint8Array.prototype);
    expect(view.length).toBe(size);
    expect(view.buffer).toBe(heap.buffer);
    expect(heap.usableSize(view.byteOffset as Ptr)).toBeGreaterThanOrEqual(size);
    view.fill(7);
    buffers.free(view);
    expectNothingLeft(heap);
  });

  it.each([...SIZES, ...SPANS])("alloc(%i) is zero-filled, also over old contents", (size) => {
    const { heap, buffers } = newPools();
    const first = buffers.allocUnsafe(size);
    first.fill(255);
    buffers.free(first);
    buffers.free(takeAgain(buffers, size, first.byteOffset));
    const views: Uint8Array[] = [];
    do views.push(buffers.alloc(size));
    while (views.at(-1) !== first);
    const view = first;
    for (const other of views.slice(0, -1)) buffers.free(other);
    expect(view.every((byte) => byte === 0)).toBe(true);
    buffers.free(view);
    expectNothingLeft(heap);
  });

  it.each([...SIZES, ...SPANS])("a block of %i bytes keeps its view", (size) => {
    const { heap, buffers } = newPools();
    const first = buffers.allocUnsafe(size);
    buffers.free(first);
    for (let turn = 0; turn < 3; turn++) {
      const again = takeAgain(buffers, size, first.byteOffset);
      expect(again === first).toBe(true);
      buffers.free(again);
    }
    expectNothingLeft(heap);
  });

  it("live ones never overlap, and each is freed once", () => {
    const { heap, buffers } = newPools();
    const views = Array.from({ length: 3000 }, (_, index) => buffers.allocUnsafe(index % 700));
    for (const [index, view] of views.entries()) view.fill(index & 255);
    for (const [index, view] of views.entries()) {
      expect(view.every((byte) => byte === (index & 255))).toBe(true);
    }
    expect(liveBlocks(heap)).toBe(views.length);
    for (const view of views) buffers.free(view);
    expectNothingLeft(heap);
  });

  it("the heap refuses wrong sizes", () => {
    const { heap, buffers } = newPools();
    for (const size of [-1, 1.5, Number.NaN, 2 ** 40, "8", null, {}, undefined]) {
      thrown(() => buffers.allocUnsafe(wrong(size)), "ERR_INVALID_SIZE");
      thrown(() => buffers.alloc(wrong(size)), "ERR_INVALID_SIZE");
    }
    const most = buffers.allocUnsafe(3 * 2 ** 20);
    thrown(() => buffers.allocUnsafe(2 ** 20), "ERR_HEAP_EXHAUSTED");
    thrown(() => buffers.from("x".repeat(2 ** 20)), "ERR_HEAP_EXHAUSTED");
    buffers.free(most);
    expectNothingLeft(heap);
  });

  it("takes only a heap", () => {
    for (const heap of [null, undefined, 1, {}, { malloc: 1, free: 2, u8: 3 }]) {
      refusal("ERR_INVALID_ARGUMENT", () => new BufferPool(wrong<ByteHeap>(heap)));
    }
  });

  it("throws when the heap was disposed", () => {
    const { heap, buffers } = newPools();
    const view = buffers.allocUnsafe(10);
    heap[Symbol.dispose]();
    thrown(() => buffers.allocUnsafe(10), "ERR_HEAP_DISPOSED");
    thrown(() => buffers.free(view), "ERR_HEAP_DISPOSED");
    thrown(() => buffers.adopt(view.byteOffset as Ptr, 1), "ERR_HEAP_DISPOSED");
  });
});

it.each(HOSTILE)("refuses a value that is no view: %s", (value) => {
  const { heap, buffers } = newPools();
  const view = buffers.alloc(16);
  refusal("ERR_NOT_OWNED", () => buffers.free(wrong(value)));
  expect(liveBlocks(heap)).toBe(1);
  buffers.free(view);
  expectNothingLeft(heap);
});

it("refuses views that the pool did not make", () => {
  const { heap, buffers } = newPools();
  const view = buffers.alloc(64);
  const copies = [
    view.subarray(0),
    view.subarray(1),
    view.subarray(0, 10),
    new Uint8Array(heap.buffer, view.byteOffset, 64),
    new DataView(heap.buffer, view.byteOffset, 64),
    new Uint8Array(64),
    new Uint8Array(0),
    heap.u8,
    heap.u8.subarray(0, 64),
    new Uint8Array(new ArrayBuffer(2 ** 23), view.byteOffset, 64),
    newPools().buffers.alloc(64),
    new BufferPool(heap).adopt(view.byteOffset as Ptr, 64),
  ];
  for (const copy of copies) {
    const error = refusal("ERR_NOT_OWNED", () => buffers.free(wrong(copy)));
    expect(error.message).toContain(String(copy.byteOffset));
  }
  expect(liveBlocks(heap)).toBe(1);
  buffers.free(view);
  expectNothingLeft(heap);
});

it("refuses a second free of the same view", () => {
  const { heap, buffers } = newPools();
  const view = buffers.alloc(64);
  buffers.free(view);
  thrown(() => buffers.free(view), "ERR_DOUBLE_FREE");
  const span = buffers.alloc(100_000);
  buffers.free(span);
  thrown(() => buffers.free(span));
  expectNothingLeft(heap);
});

it("refuses a view whose block was given out with another length", () => {
  const { heap, buffers } = newPools();
  const old = buffers.allocUnsafe(100);
  buffers.free(old);
  const now = takeAgain(buffers, 101, old.byteOffset);
  refusal("ERR_NOT_OWNED", () => buffers.free(old));
  buffers.free(now);
  const later = takeAgain(buffers, 100, old.byteOffset);
  expect(later === old).toBe(false);
  buffers.free(later);
  expectNothingLeft(heap);
});

it("refuses views of slabs that went to another class", () => {
  const { heap, buffers } = newPools(Heap.create({ capacity: 2 ** 20 }));
  for (const [before, after] of [
    [64, 1024],
    [1024, 64],
    [272, 320],
    [320, 272],
    [48, 48],
    [65536, 16],
    [16, 300_000],
  ]) {
    const old = Array.from({ length: 20 }, () => buffers.allocUnsafe(Math.min(before ?? 0, 9000)));
    for (const view of old) buffers.free(view);
    heap.drain();
    const views = [buffers.allocUnsafe(after ?? 0), buffers.allocUnsafe(after ?? 0)];
    const current = new Set(views);
    for (const view of old) if (!current.has(view)) expect(() => buffers.free(view)).toThrow();
    expect(liveBlocks(heap)).toBe(2);
    for (const view of views) buffers.free(view);
    heap.drain();
  }
  expectNothingLeft(heap);
});

it("finds views that were adopted shorter than their block", () => {
  const { heap, buffers } = newPools();
  const short = buffers.adopt(heap.malloc(128), 60);
  buffers.free(short);
  heap.drain();
  const first = takeAgain(buffers, 60, short.byteOffset);
  expect(first === short).toBe(true);
  const rest = Array.from({ length: 10 }, () => buffers.allocUnsafe(60));
  buffers.free(first);
  for (const view of rest) buffers.free(view);
  expectNothingLeft(heap);
});

it("refuses every view after a reset", () => {
  const { heap, buffers } = newPools();
  const views = [16, 100, 5000, 100_000].map((size) => buffers.alloc(size));
  heap.reset();
  for (const view of views) thrown(() => buffers.free(view));
  const view = buffers.alloc(100);
  buffers.free(view);
  expectNothingLeft(heap);
});

describe("adopt", () => {
  it("gives a view of a live block, which the pool frees", () => {
    const { heap, buffers } = newPools();
    for (const size of [1, 100, 40_000, 70_000]) {
      const ptr = heap.malloc(size);
      const view = buffers.adopt(ptr, size);
      expect([view.byteOffset, view.length]).toEqual([ptr, size]);
      buffers.free(view);
    }
    expectNothingLeft(heap);
  });

  it("refuses blocks that are not live, and lengths beyond the block", () => {
    const { heap, buffers } = newPools();
    const ptr = heap.malloc(64);
    for (const size of [65, -1, 1.5, Number.NaN, "1", null]) {
      const error = refusal("ERR_OUT_OF_RANGE", () => buffers.adopt(ptr, wrong(size)));
      expect(error.details).toMatchObject({ ptr, most: 64 });
    }
    for (const value of [0, ptr + 16, ptr + 1, -16, 2 ** 31, null, "65536", {}]) {
      thrown(() => buffers.adopt(wrong(value), 1), "ERR_INVALID_POINTER");
    }
    heap.free(ptr);
    thrown(() => buffers.adopt(ptr, 1), "ERR_DOUBLE_FREE");
    expectNothingLeft(heap);
  });

  it("makes the earlier view of the block stale", () => {
    const { heap, buffers } = newPools();
    const old = buffers.alloc(64);
    const view = buffers.adopt(old.byteOffset as Ptr, 32);
    refusal("ERR_NOT_OWNED", () => buffers.free(old));
    buffers.free(view);
    expectNothingLeft(heap);
  });

  it("never gives out a stale view, even if it was freed last", () => {
    const { heap, buffers } = newPools();
    const old = buffers.alloc(64);
    buffers.free(old);
    const ptr = heap.malloc(64);
    expect(ptr).toBe(old.byteOffset);
    const adopted = buffers.adopt(ptr, 64);
    heap.free(ptr);
    expect(buffers.alloc(64) === adopted).toBe(true);
    buffers.free(adopted);
    expectNothingLeft(heap);
  });
});

describe("pools of other kinds", () => {
  it("of Node's Buffer", () => {
    const heap = Heap.create({ capacity: 2 ** 20 });
    const pool = new NodeBufferPool(heap);
    for (const size of [0, 1, 100, 70_000]) {
      const buffer = pool.alloc(size);
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(buffer.byteOffset % 16).toBe(0);
      pool.free(buffer);
      const again = takeAgain(pool as unknown as BufferPool, size, buffer.byteOffset);
      expect(again === buffer).toBe(true);
      pool.free(buffer);
    }
    const text = pool.from("grün");
    expect(text.toString("utf8")).toBe("grün");
    pool.free(text);
    expectNothingLeft(heap);
  });

  it("of Node's Buffer, with the arguments of Buffer.from and Buffer.alloc", () => {
    const heap = Heap.create({ capacity: 2 ** 20 });
    const pool = new NodeBufferPool(heap);
    const texts: [string, BufferEncoding | undefined][] = [
      ["aGk=", "base64"],
      ["68 69", "hex"],
      ["6869", "hex"],
      ["grün", "latin1"],
      ["grün", undefined],
    ];
    for (const [text, encoding] of texts) {
      const buffer = pool.from(text, encoding);
      expect(buffer.equals(Buffer.from(text, encoding))).toBe(true);
      pool.free(buffer);
    }
    for (const fill of [1, "ab", "grün", Uint8Array.of(1, 2), undefined]) {
      const buffer = pool.alloc(5, fill);
      expect(buffer.equals(Buffer.alloc(5, fill))).toBe(true);
      pool.free(buffer);
    }
    expect(() => pool.alloc(5, "zz", "hex")).toThrow();
    expectNothingLeft(heap);
  });

  it("over a SharedHeap: freed by another worker's pool", () => {
    const heap = newShared();
    const there = SharedHeap.attach(heap.buffer);
    const mine = new BufferPool(heap);
    const theirs = new BufferPool(there);
    const views = [10, 100, 5000, 70_000].map((size) => mine.alloc(size));
    for (const view of views) {
      theirs.free(theirs.adopt(view.byteOffset as Ptr, view.length));
      thrown(() => mine.free(view));
    }
    there.detach();
    expect(at(views, 0).buffer).toBe(heap.buffer);
    expectNothingLeft(heap);
  });
});

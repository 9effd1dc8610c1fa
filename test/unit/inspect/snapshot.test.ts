import { describe, expect, test } from "vitest";
import { Heap, type Ptr } from "../../../src/index.js";
import { at, isPattern, SMALL_BYTES, smallHeap, thrown, writePattern, wrong } from "../help.js";

interface Kept {
  ptr: Ptr;
  size: number;
  seed: number;
}

function populate(heap: Heap): Kept[] {
  const kept: Kept[] = [];
  const sizes = [1, 16, 100, 1000, 1024, 5000, 32768, 50000, 65536, 70000, 262144, 300001];
  for (const [seed, size] of [...sizes, ...sizes, ...sizes].entries()) {
    const ptr = heap.malloc(size);
    if (seed % 3 === 0) heap.free(ptr);
    else kept.push({ ptr, size, seed });
  }
  for (const { ptr, size, seed } of kept) writePattern(heap, ptr, size, seed);
  return kept;
}

function checkKept(heap: Heap, kept: Kept[]): void {
  for (const { ptr, size, seed } of kept) {
    expect(heap.usableSize(ptr)).toBeGreaterThanOrEqual(size);
    expect(isPattern(heap, ptr, size, seed), `${size} bytes at ${ptr}`).toBe(true);
  }
}

test("a snapshot restores every live block where it was", () => {
  const heap = Heap.create({ capacity: 2 ** 24, fastCap: 30, sllDrainInterval: 77 });
  const kept = populate(heap);
  const snapshot = heap.snapshot();
  const copy = Heap.restore(snapshot);
  expect(copy.options).toEqual(heap.options);
  expect(copy.buffer.byteLength).toBe(2 ** 24);
  checkKept(copy, kept);
  copy.verify();
  const { peakCommittedBytes, committedBytes, ...figures } = copy.stats();
  const { peakCommittedBytes: before, committedBytes: _, ...original } = heap.stats();
  expect(figures).toEqual(original);
  expect(peakCommittedBytes).toBeLessThanOrEqual(before);
  expect(committedBytes).toBe(peakCommittedBytes);
  expect([...copy.blocks()]).toEqual([...heap.blocks()]);
  // Both go on alike, and apart.
  for (const size of [16, 300, 5000, 70000]) expect(copy.malloc(size)).toBe(heap.malloc(size));
  for (const { ptr } of kept) copy.free(ptr);
  copy.drain();
  copy.verify();
  checkKept(heap, kept);
});

test("a snapshot of a snapshot is the same, byte for byte", () => {
  const heap = Heap.create({ capacity: 2 ** 23 });
  populate(heap);
  const first = Heap.restore(heap.snapshot()).snapshot();
  const second = Heap.restore(first).snapshot();
  expect(Buffer.compare(first, second)).toBe(0);
});

test("a snapshot is compact", () => {
  const heap = Heap.create({ capacity: 2 ** 30 });
  const empty = heap.snapshot().byteLength;
  expect(empty).toBeLessThan(64 * 1024);
  const ptr = heap.malloc(100000);
  expect(heap.snapshot().byteLength - empty).toBeLessThan(100000 + 16384);
  heap.free(ptr);
  expect(heap.snapshot().byteLength - empty).toBeLessThan(16384);
  heap.malloc(16);
  expect(heap.snapshot().byteLength - empty).toBeLessThan(3 * 16384);
});

test("taking a snapshot changes nothing", () => {
  const heap = smallHeap();
  heap.malloc(100);
  const before = heap.u8.slice();
  const [a, b] = [heap.snapshot(), heap.snapshot()];
  expect(Buffer.compare(a, b)).toBe(0);
  expect(Buffer.compare(before, heap.u8)).toBe(0);
  heap.malloc(100);
  expect(Buffer.compare(a, b)).toBe(0);
});

test.each([
  ["an ArrayBuffer", (bytes: number) => new Uint8Array(bytes)],
  ["a SharedArrayBuffer", (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes))],
  ["a Buffer of Node", (bytes: number) => Buffer.alloc(bytes)],
])("a snapshot is read from any place in %s", (_name, make) => {
  const heap = smallHeap();
  const ptr = heap.malloc(100);
  heap.u8[ptr] = 42;
  const snapshot = heap.snapshot();
  for (const offset of [0, 1, 4, 8, 4097]) {
    const whole = make(snapshot.length + offset + 9);
    const view = whole.subarray(offset, offset + snapshot.length);
    view.set(snapshot);
    const copy = Heap.restore(view);
    expect(copy.u8[ptr]).toBe(42);
    expect(copy.classify(ptr)).toBe("tiny");
  }
});

describe("bad snapshots", () => {
  const heap = smallHeap();
  heap.malloc(1000);
  heap.malloc(70000);
  const good = heap.snapshot();
  const refuse = (snapshot: unknown, field: string): void => {
    const error = thrown(() => Heap.restore(wrong(snapshot)), "ERR_BAD_HEAP_IMAGE");
    expect(error.details.field, error.message).toBe(field);
    expect(error.message).toContain(`not a heap image: ${field}`);
  };
  const changed = (word: number, value: number): Uint8Array => {
    const copy = good.slice();
    new Uint32Array(copy.buffer)[word] = value;
    return copy;
  };

  test("what is no Uint8Array", () => {
    for (const value of [null, undefined, 5, "x", {}, [], good.buffer, new Int32Array(9)]) {
      refuse(value, "snapshot");
    }
  });

  test("each word of its head", () => {
    refuse(changed(0, 0x6d6b6168), "snapshot magic");
    refuse(changed(1, 2), "snapshot version");
    for (const value of [0, SMALL_BYTES - 65536, SMALL_BYTES + 1, 2 ** 31, 2 ** 32 - 1]) {
      refuse(changed(2, value), "snapshot capacity");
    }
    refuse(changed(4, 12345), "snapshot checksum");
  });

  test("any word of the rest", () => {
    const words = good.length / 4;
    for (let word = 5; word < words; word += word < 60 ? 1 : 997) {
      const old = at(new Uint32Array(good.buffer), word);
      refuse(changed(word, old ^ 0x10), "snapshot checksum");
    }
  });

  test("truncated, at every word near its ends", () => {
    for (let bytes = 0; bytes < good.length; bytes += bytes < 400 ? 1 : 4093) {
      thrown(() => Heap.restore(good.slice(0, bytes)), "ERR_BAD_HEAP_IMAGE");
    }
    thrown(() => Heap.restore(good.slice(0, -4)), "ERR_BAD_HEAP_IMAGE");
    const longer = new Uint8Array(good.length + 4);
    longer.set(good);
    thrown(() => Heap.restore(longer), "ERR_BAD_HEAP_IMAGE");
  });

  /** A forger repairs the checksum. */
  const forge = (word: number, value: number): Uint8Array => {
    const copy = changed(word, value);
    const words = new Uint32Array(copy.buffer);
    let hash = 0x811c9dc5;
    for (const each of words.subarray(5)) hash = Math.imul(hash ^ each, 0x01000193);
    words[4] = hash;
    return copy;
  };

  test("extents that lie outside, with a good checksum", () => {
    for (const count of [0, 1, 1000, 2 ** 31, 2 ** 32 - 1]) {
      thrown(() => Heap.restore(forge(3, count)), "ERR_BAD_HEAP_IMAGE");
    }
    for (const value of [SMALL_BYTES, 2 ** 31, 2 ** 32 - 1]) {
      refuse(forge(5, value), "snapshot extent 0");
      refuse(forge(6, value), "snapshot extent 0");
    }
    thrown(() => Heap.restore(forge(6, 4092)), "ERR_BAD_HEAP_IMAGE");
    thrown(() => Heap.restore(forge(5, 0)), "ERR_BAD_HEAP_IMAGE");
  });

  test("another capacity, with a good checksum", () => {
    thrown(() => Heap.restore(forge(2, SMALL_BYTES + 65536)), "ERR_BAD_HEAP_IMAGE");
    thrown(() => Heap.restore(forge(2, 2 ** 30)), "ERR_BAD_HEAP_IMAGE");
  });
});

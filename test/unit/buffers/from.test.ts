import { describe, expect, it } from "vitest";
import { BufferPool, type Bytes, BytesPool } from "../../../src/buffers/index.js";
import type { Heap, SharedHeap } from "../../../src/index.js";
import { thrown, wrong } from "../help.js";
import { expectNothingLeft, liveBlocks, newPools, newShared, refusal } from "./help.js";

const TEXTS = [
  "",
  "a",
  "\0",
  "\u007f\u0080\u07ff\u0800\uffff",
  "ä€😀",
  "\ud7ff\ue000\ufeff\ufffd\ufffe",
  "\ud800",
  "\udfff",
  "a\ud83d",
  "\ude00a",
  "\ude00\ud83d",
  "\ud83d\ud83d\ude00",
  "\ud83d\ude00\ude00",
  "\u{10000}\u{10ffff}",
  "\r\n\t",
  "x".repeat(23),
  "x".repeat(24),
  "x".repeat(25),
  `${"x".repeat(23)}é`,
  `${"x".repeat(24)}é`,
  `${"x".repeat(24)}\ud800`,
  "é".repeat(24),
  "😀".repeat(50_000),
  `${"y".repeat(70_000)}\udc00`,
];

const KINDS: readonly [string, () => Heap | SharedHeap][] = [
  ["a Heap", () => newPools().heap],
  ["a SharedHeap", newShared],
];

/** Returns what both pools make of the same data, as bytes outside of the heap. */
function both(heap: Heap | SharedHeap, data: unknown): Uint8Array[] {
  const buffers = new BufferPool(heap);
  const view = buffers.from(wrong(data));
  const bytes: Bytes = new BytesPool(heap).from(wrong(data));
  expect(bytes.length).toBe(view.length);
  const copies = [new Uint8Array(view), bytes.toUnshared()];
  buffers.free(view);
  bytes.release();
  return copies;
}

describe.each(KINDS)("from, in %s", (_, make) => {
  it("strings are UTF-8, as Buffer and TextEncoder write it", () => {
    const heap = make();
    for (const text of TEXTS) {
      const expected = new TextEncoder().encode(text);
      expect(Buffer.from(text).equals(expected)).toBe(true);
      for (const copy of both(heap, text)) expect(Buffer.compare(copy, expected)).toBe(0);
    }
    expectNothingLeft(heap);
  });

  it("every code unit alone, and behind a high surrogate", () => {
    const heap = make();
    const pool = new BytesPool(heap);
    for (let first = 0; first < 0x10000; first += 0x1000) {
      const units = Array.from({ length: 0x1000 }, (__, index) =>
        String.fromCharCode(first + index),
      );
      for (const text of [units.join("|"), units.map((unit) => `\ud834${unit}`).join("|")]) {
        const bytes = pool.from(text);
        expect(Buffer.compare(bytes.toUnshared(), new TextEncoder().encode(text))).toBe(0);
        bytes.release();
      }
    }
    expectNothingLeft(heap);
  });

  it("toString reads what from wrote, and U+FFFD for a lone surrogate", () => {
    const heap = make();
    const pool = new BytesPool(heap);
    for (const text of TEXTS) {
      const bytes = pool.from(text);
      expect(bytes.toString()).toBe(Buffer.from(text).toString("utf8"));
      bytes.release();
    }
    for (const malformed of [[0x80], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 1, 2, 3]]) {
      const bytes = pool.from(malformed);
      expect(bytes.toString()).toBe(Buffer.from(malformed).toString("utf8"));
      bytes.release();
    }
    expectNothingLeft(heap);
  });
});

describe.each(KINDS)("from data other than text, in %s", (_, make) => {
  it("views give their bytes, whatever their elements are", () => {
    const heap = make();
    const raw = Uint8Array.from({ length: 64 }, (__, index) => index * 7);
    const shared = new Uint8Array(new SharedArrayBuffer(64));
    shared.set(raw);
    const views = [
      raw,
      raw.subarray(3, 9),
      raw.subarray(5, 5),
      Buffer.from(raw).subarray(8, 24),
      new Uint8ClampedArray(raw),
      new Uint16Array(raw.buffer, 2, 5),
      new Float64Array(raw.buffer, 8, 2),
      new BigInt64Array(raw.buffer, 16, 3),
      new DataView(raw.buffer, 1, 11),
      shared.subarray(1, 60),
      new DataView(shared.buffer, 4, 4),
    ];
    for (const view of views) {
      const expected = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      for (const copy of both(heap, view)) expect([...copy]).toEqual([...expected]);
    }
    for (const buffer of [raw.buffer, shared.buffer]) {
      for (const copy of both(heap, buffer)) expect([...copy]).toEqual([...raw]);
    }
    expectNothingLeft(heap);
  });

  it("lists of numbers are stored as Uint8Array stores them", () => {
    const heap = make();
    const lists = [[], [1, 2, 3], [256, -1, 1.9, Number.NaN, 1e20, -0, Number.POSITIVE_INFINITY]];
    for (const list of lists) {
      for (const copy of both(heap, list)) expect([...copy]).toEqual([...Uint8Array.from(list)]);
    }
    for (const copy of both(heap, { length: 2, 0: 7, 1: 8 })) expect([...copy]).toEqual([7, 8]);
    expectNothingLeft(heap);
  });

  it("large data are spans", () => {
    const heap = make();
    const raw = Uint8Array.from({ length: 300_000 }, (__, index) => index % 251);
    for (const copy of both(heap, raw)) expect(Buffer.compare(copy, raw)).toBe(0);
    for (const copy of both(heap, [...raw])) expect(Buffer.compare(copy, raw)).toBe(0);
    expectNothingLeft(heap);
  });

  it("a copy of bytes in the same heap", () => {
    const heap = make();
    const pool = new BufferPool(heap);
    const first = pool.from([1, 2, 3, 4]);
    const second = pool.from(first.subarray(1));
    first.fill(0);
    expect([...second]).toEqual([2, 3, 4]);
    pool.free(first);
    pool.free(second);
    expectNothingLeft(heap);
  });
});

const { heap, buffers, bytes } = newPools();
const pools = [buffers, bytes] as const;

it.each([
  null,
  undefined,
  1,
  Number.NaN,
  12n,
  true,
  Symbol("data"),
  () => 1,
  {},
  { length: -1 },
  { length: 1.5 },
  { length: "2" },
  new Map(),
])("%s", (data) => {
  for (const pool of pools) {
    refusal("ERR_INVALID_ARGUMENT", () => pool.from(wrong(data)));
    expect(liveBlocks(heap)).toBe(0);
  }
});

it.each([
  ["strings", ["a", "b"], 0],
  ["a hole", [1, undefined, 3], 1],
  ["a BigInt", [1, 2n], 1],
  ["a symbol", [1, 2, Symbol("x")], 2],
  ["an object with valueOf", [{ valueOf: () => 1 }], 0],
  ["nothing, by a length that lies", { length: 5, 0: 1 }, 1],
  ["a String object", new String("abc"), 0],
])("a list with %s: the error names the position", (_, data, position) => {
  for (const pool of pools) {
    const error = refusal("ERR_INVALID_ARGUMENT", () => pool.from(wrong(data)));
    expect(error.details).toMatchObject({ position });
    expect(liveBlocks(heap)).toBe(0);
  }
});

it("the error of a getter is thrown, and no block is kept", () => {
  const failure = new Error("read me not");
  const element = {
    length: 100,
    0: 1,
    get 1(): number {
      throw failure;
    },
  };
  const length = {
    get length(): number {
      throw failure;
    },
  };
  for (const pool of pools) {
    expect(() => pool.from(element)).toThrow(failure);
    expect(() => pool.from(length)).toThrow(failure);
    expect(liveBlocks(heap)).toBe(0);
  }
  expectNothingLeft(heap);
});

it("a length that changes while it is read writes into no other block", () => {
  let reads = 0;
  const list = new Proxy([9, 9, 9], {
    get(target, key) {
      if (key === "length") return ++reads === 1 ? 3 : 1000;
      return Reflect.get(target, key) ?? 9;
    },
  });
  const tampered = new Uint8Array(200).fill(9);
  Object.defineProperty(tampered, "length", { value: 3 });
  for (const data of [list, tampered]) {
    for (const pool of pools) {
      reads = 0;
      const guards = Array.from({ length: 40 }, () => buffers.alloc(16));
      for (const index of [1, 3, 5]) buffers.free(guards[index] as Uint8Array);
      const made = pool.from(data);
      const isHere = made instanceof Uint8Array;
      expect(made.length).toBe(data === tampered ? 200 : 3);
      const alive = guards.filter((_, index) => ![1, 3, 5].includes(index));
      expect(alive.every((guard) => guard.every((byte) => byte === 0))).toBe(true);
      if (isHere) buffers.free(made);
      else made.release();
      for (const guard of alive) buffers.free(guard);
    }
  }
  expectNothingLeft(heap);
});

it("lengths beyond the heap are refused before anything is read", () => {
  const list = {
    length: 2 ** 40,
    get 0(): number {
      throw new Error("was read");
    },
  };
  for (const pool of pools) thrown(() => pool.from(list), "ERR_INVALID_SIZE");
  for (const pool of pools) {
    thrown(() => pool.from("x".repeat(2 ** 22)), "ERR_INVALID_SIZE");
  }
  expectNothingLeft(heap);
});

it("detached buffers", () => {
  const view = new Uint8Array(16);
  const data = new DataView(new ArrayBuffer(16));
  structuredClone(view.buffer, { transfer: [view.buffer] });
  for (const pool of pools) {
    refusal("ERR_INVALID_ARGUMENT", () => pool.from(view));
    const made = pool.from(data);
    if (made instanceof Uint8Array) buffers.free(made);
    else made.release();
  }
  const { buffer } = data;
  structuredClone(buffer, { transfer: [buffer] });
  for (const pool of pools) {
    refusal("ERR_INVALID_ARGUMENT", () => pool.from(buffer));
    refusal("ERR_INVALID_ARGUMENT", () => pool.from(data));
  }
  expectNothingLeft(heap);
});

import { expect, it } from "vitest";
import type { Bytes } from "../../../src/buffers/index.js";
import { partsOf, startOf } from "../../../src/buffers/internal.js";
import type { Ptr } from "../../../src/index.js";
import { thrown, wrong } from "../help.js";
import { expectNothingLeft, HOSTILE, liveBlocks, newPools, refusal } from "./help.js";

function listOf(bytes: Bytes): number[] {
  return [...bytes.toUnshared()];
}

const SIZES = [0, 1, 16, 100, 1024, 5000, 65536, 65537, 300_000];

it.each(SIZES)("of %i bytes is read and written", (size) => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.alloc(size);
  expect(bytes.length).toBe(size);
  expect(bytes.toUnshared().every((byte) => byte === 0)).toBe(true);
  expect(bytes.toUnshared().buffer).not.toBe(heap.buffer);
  if (size > 0) {
    bytes.set(size - 1, 255);
    expect([bytes.at(size - 1), bytes.indexOf(255)]).toEqual([255, size - 1]);
  }
  const view = bytes.view();
  expect([view.length, view.buffer === heap.buffer]).toEqual([size, true]);
  bytes.write(new Uint8Array(size).fill(3));
  expect(view.every((byte) => byte === 3)).toBe(true);
  bytes.release();
  expectNothingLeft(heap);
});

it("alloc is zero-filled over old contents, allocUnsafe has the length", () => {
  const { heap, bytes: pool } = newPools();
  const old = Array.from({ length: 40 }, () => pool.from(new Uint8Array(100).fill(255)));
  for (const bytes of old) bytes.release();
  const now = Array.from({ length: 40 }, () => pool.alloc(100));
  expect(now.every((bytes) => bytes.equals(new Uint8Array(100)))).toBe(true);
  for (const bytes of now) bytes.release();
  const unsafe = pool.allocUnsafe(77);
  expect(unsafe.length).toBe(77);
  unsafe.release();
  expectNothingLeft(heap);
});

it("the heap refuses wrong sizes", () => {
  const { heap, bytes: pool } = newPools();
  for (const size of [-1, 1.5, Number.NaN, 2 ** 40, "8", null, {}, undefined]) {
    thrown(() => pool.alloc(wrong(size)), "ERR_INVALID_SIZE");
    thrown(() => pool.allocUnsafe(wrong(size)), "ERR_INVALID_SIZE");
  }
  const most = pool.alloc(3 * 2 ** 20);
  thrown(() => pool.alloc(2 ** 20), "ERR_HEAP_EXHAUSTED");
  thrown(() => most.compact(), "ERR_HEAP_EXHAUSTED");
  most.release();
  expectNothingLeft(heap);
});

it("positions outside are refused, with the length in the error", () => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.from([1, 2, 3, 4]);
  for (const index of [-5, 4, 1.5, Number.NaN, "1", null, 2n, {}, Symbol("x")]) {
    const bad = wrong<number>(index);
    if (typeof index !== "bigint" && typeof index !== "symbol") {
      const error = refusal("ERR_OUT_OF_RANGE", () => bytes.at(bad));
      expect(error.details).toMatchObject({ got: index, length: 4 });
      refusal("ERR_OUT_OF_RANGE", () => bytes.set(bad, 0));
    }
    const beyond = index === 4 ? 5 : bad;
    refusal("ERR_OUT_OF_RANGE", () => bytes.slice(beyond));
    refusal("ERR_OUT_OF_RANGE", () => bytes.slice(0, beyond));
    refusal("ERR_OUT_OF_RANGE", () => bytes.split(beyond));
    refusal("ERR_OUT_OF_RANGE", () => bytes.write(new Uint8Array(1), bad));
    refusal("ERR_OUT_OF_RANGE", () => bytes.indexOf(1, beyond));
    refusal("ERR_OUT_OF_RANGE", () => bytes.copyTo(new Uint8Array(8), 0, beyond));
    refusal("ERR_OUT_OF_RANGE", () => bytes.copyTo(new Uint8Array(8), 0, 0, beyond));
    refusal("ERR_OUT_OF_RANGE", () => bytes.copyTo(new Uint8Array(4), index === 4 ? 1 : bad));
  }
  for (const byte of [-1, 256, 0.5, Number.NaN, "1", 1n, null]) {
    refusal("ERR_OUT_OF_RANGE", () => bytes.set(0, wrong(byte)));
    if (byte !== "1") refusal("ERR_OUT_OF_RANGE", () => bytes.indexOf(wrong(byte)));
  }
  refusal("ERR_OUT_OF_RANGE", () => bytes.slice(3, 2));
  refusal("ERR_OUT_OF_RANGE", () => bytes.write(new Uint8Array(5)));
  refusal("ERR_OUT_OF_RANGE", () => bytes.write(new Uint8Array(2), 3));
  refusal("ERR_OUT_OF_RANGE", () => bytes.copyTo(new Uint8Array(3)));
  expect(listOf(bytes)).toEqual([1, 2, 3, 4]);
  bytes.release();
  expectNothingLeft(heap);
});

it.each(HOSTILE)("arguments other than bytes are refused: %s", (value) => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.from([1, 2, 3]);
  const bad = wrong<Uint8Array>(value);
  refusal("ERR_INVALID_ARGUMENT", () => bytes.write(bad));
  refusal("ERR_INVALID_ARGUMENT", () => bytes.equals(bad));
  refusal("ERR_INVALID_ARGUMENT", () => bytes.concat(wrong(value)));
  refusal("ERR_INVALID_ARGUMENT", () => bytes.concat(bytes, wrong(value)));
  if (value !== undefined) refusal("ERR_INVALID_ARGUMENT", () => bytes.copyTo(bad));
  expect([bytes.refCount, liveBlocks(heap)]).toEqual([1, 1]);
  bytes.release();
  expectNothingLeft(heap);
});

it("a view with a false length is written with its true length", () => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.from([1, 2, 3, 4]);
  const tampered = new Uint8Array(100).fill(9);
  Object.defineProperty(tampered, "length", { value: 2 });
  Object.defineProperty(tampered, "subarray", { value: () => new Uint8Array(1000) });
  refusal("ERR_OUT_OF_RANGE", () => bytes.write(tampered));
  expect(listOf(bytes)).toEqual([1, 2, 3, 4]);
  bytes.release();
  expectNothingLeft(heap);
});

it("takes one release more than retains", () => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.alloc(10);
  expect(bytes.retain().retain()).toBe(bytes);
  expect(bytes.refCount).toBe(3);
  bytes.release();
  bytes.release();
  expect([bytes.refCount, bytes.isReleased, liveBlocks(heap)]).toEqual([1, false, 1]);
  bytes.release();
  expect([bytes.refCount, bytes.isReleased]).toEqual([0, true]);
  expectNothingLeft(heap);
});

it("everything throws after the release, except the questions about it", () => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.alloc(10);
  const other = pool.alloc(10);
  const started = bytes.chunks();
  bytes.release();
  const uses: (() => unknown)[] = [
    () => bytes.length,
    () => partsOf(bytes),
    () => startOf(bytes),
    () => bytes.at(0),
    () => bytes.set(0, 1),
    () => bytes.write(new Uint8Array(1)),
    () => bytes.slice(),
    () => bytes.split(0),
    () => bytes.concat(other),
    () => other.concat(bytes),
    () => bytes.retain(),
    () => bytes.release(),
    () => bytes.freeze(),
    () => bytes.view(),
    () => [...bytes.chunks()],
    () => started.next(),
    () => bytes.compact(),
    () => bytes.copyTo(new Uint8Array(10)),
    () => bytes.toUnshared(),
    () => bytes.toString(),
    () => bytes.equals(other),
    () => other.equals(bytes),
    () => bytes.indexOf(0),
    () => bytes.handOff(),
  ];
  for (const use of uses) refusal("ERR_RELEASED", use);
  expect([bytes.isReleased, bytes.refCount, bytes.isFrozen]).toEqual([true, 0, false]);
  bytes[Symbol.dispose]();
  other.release();
  expectNothingLeft(heap);
});

it("chunks end with an error when the handle is released in between", () => {
  const { heap, bytes: pool } = newPools();
  const parts = [pool.from([1]), pool.from([2])] as const;
  const chain = parts[0].concat(parts[1]);
  const chunks = chain.chunks();
  expect([...(chunks.next().value ?? [])]).toEqual([1]);
  chain.release();
  refusal("ERR_RELEASED", () => chunks.next());
  for (const part of parts) part.release();
  expectNothingLeft(heap);
});

it("dispose releases one reference, and does nothing on a released handle", () => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.alloc(10).retain();
  {
    using held = bytes;
    expect(held.refCount).toBe(2);
  }
  expect(bytes.refCount).toBe(1);
  {
    using held = bytes;
    held.release();
  }
  expect(bytes.isReleased).toBe(true);
  const failing = (): void => {
    using _first = pool.alloc(10);
    using _second = pool.alloc(100_000);
    throw new Error("on the way");
  };
  expect(failing).toThrow("on the way");
  expectNothingLeft(heap);
});

it("a block that the program freed by its ptr does not keep the others", () => {
  const { heap, bytes: pool } = newPools();
  const first = pool.alloc(10);
  const second = pool.alloc(10);
  const chain = first.concat(second);
  first.release();
  second.release();
  expect(liveBlocks(heap)).toBe(2);
  heap.free((partsOf(chain)[0]?.block.ptr ?? 0) as Ptr);
  thrown(() => chain.release(), "ERR_DOUBLE_FREE");
  expect(chain.isReleased).toBe(true);
  expectNothingLeft(heap);
});

it("a release after the heap was disposed says so", () => {
  const { heap, bytes: pool } = newPools();
  const bytes = pool.alloc(10);
  heap[Symbol.dispose]();
  thrown(() => bytes.release(), "ERR_HEAP_DISPOSED");
  expect(bytes.isReleased).toBe(true);
});

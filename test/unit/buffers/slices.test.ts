import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../src/buffers/index.js";
import { Heap } from "../../../src/index.js";
import { thrown, wrong } from "../help.js";
import { expectNothingLeft, liveBlocks, newPools, refusal } from "./help.js";

function listOf(bytes: Bytes): number[] {
  return [...bytes.toUnshared()];
}

describe("slices", () => {
  it("share the block: all see a write, and the last one frees", () => {
    const { heap, bytes: pool } = newPools();
    const whole = pool.from([0, 1, 2, 3, 4, 5, 6, 7]);
    const middle = whole.slice(2, 6);
    const inner = middle.slice(1, 3);
    expect([listOf(middle), listOf(inner)]).toEqual([
      [2, 3, 4, 5],
      [3, 4],
    ]);
    whole.set(3, 99);
    expect([middle.at(1), inner.at(0)]).toEqual([99, 99]);
    inner.view()[1] = 77;
    expect(whole.at(4)).toBe(77);
    expect(liveBlocks(heap)).toBe(1);
    whole.release();
    middle.release();
    expect([listOf(inner), liveBlocks(heap)]).toEqual([[99, 77], 1]);
    inner.release();
    expectNothingLeft(heap);
  });

  it("without arguments have all bytes; empty ones hold no block", () => {
    const { heap, bytes: pool } = newPools();
    const whole = pool.from([1, 2, 3]);
    const all = whole.slice();
    const tail = whole.slice(1);
    const none = whole.slice(3);
    expect([listOf(all), listOf(tail), listOf(none)]).toEqual([[1, 2, 3], [2, 3], []]);
    for (const bytes of [whole, all, tail]) bytes.release();
    expect([none.length, none.view().length, liveBlocks(heap)]).toEqual([0, 0, 0]);
    expect([none.toString(), none.indexOf(0), [...none.chunks()].length]).toEqual(["", -1, 0]);
    none.release();
    expectNothingLeft(heap);
  });

  it("split gives the head away and keeps the rest", () => {
    const { heap, bytes: pool } = newPools();
    const rest = pool.from([1, 2, 3, 4, 5]);
    const head = rest.split(2);
    expect([listOf(head), listOf(rest)]).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    const none = rest.split(0);
    const all = rest.split(3);
    expect([listOf(none), listOf(all), listOf(rest)]).toEqual([[], [3, 4, 5], []]);
    head.release();
    none.release();
    expect(liveBlocks(heap)).toBe(1);
    all.release();
    expect(liveBlocks(heap)).toBe(0);
    rest.release();
    expectNothingLeft(heap);
  });

  it("split of a chain, at each position", () => {
    const { heap, bytes: pool } = newPools();
    const all = [1, 2, 3, 4, 5, 6, 7];
    for (let at = 0; at <= all.length; at++) {
      const made = [pool.from([1, 2, 3]), pool.from([4]), pool.from([5, 6, 7])] as const;
      const rest = made[0].concat(made[1], made[2]);
      for (const bytes of made) bytes.release();
      const head = rest.split(at);
      expect([listOf(head), listOf(rest)]).toEqual([all.slice(0, at), all.slice(at)]);
      head.release();
      rest.release();
      expectNothingLeft(heap);
    }
  });
});

it("share the blocks of their parts, from any pool of the heap", () => {
  const { heap, bytes: pool } = newPools();
  const { bytes: another } = newPools(heap);
  const first = pool.from("Grü");
  const second = another.from("\u{1f600}ße").slice(0, 4);
  const chain = first.concat(second, first);
  expect(chain.length).toBe(12);
  expect(chain.toString()).toBe("Grü\u{1f600}Grü");
  first.set(0, 0x67);
  expect([chain.at(0), chain.at(8)]).toEqual([0x67, 0x67]);
  chain.set(8, 0x48);
  expect(first.at(0)).toBe(0x48);
  refusal("ERR_NOT_CONTIGUOUS", () => chain.view());
  expect([...chain.chunks()].map((chunk) => chunk.length)).toEqual([4, 4, 4]);
  const flat = chain.compact();
  expect([flat.view().length, flat.equals(chain), chain.equals(flat)]).toEqual([12, true, true]);
  flat.set(0, 1);
  expect([flat.equals(chain), chain.equals(flat), chain.at(0)]).toEqual([false, false, 0x48]);
  for (const bytes of [first, second, flat]) bytes.release();
  expect(liveBlocks(heap)).toBe(2);
  chain.release();
  expect(liveBlocks(heap)).toBe(1);
  heap.reset();
});

it("of no part, of empty parts, of one part", () => {
  const { heap, bytes: pool } = newPools();
  const none = pool.alloc(0);
  const one = pool.from([5]);
  const chain = none.concat(one, none);
  expect([listOf(chain), chain.view().length]).toEqual([[5], 1]);
  const alone = one.concat();
  const empty = none.concat(none);
  expect([listOf(alone), listOf(empty), empty.view().length]).toEqual([[5], [], 0]);
  for (const bytes of [none, one, chain, alone, empty]) bytes.release();
  expectNothingLeft(heap);
});

it("of many parts", () => {
  const { heap, bytes: pool } = newPools();
  const one = pool.from([7]);
  let chain = one.slice();
  for (let doubling = 0; doubling < 17; doubling++) {
    const longer = chain.concat(chain);
    chain.release();
    chain = longer;
  }
  const longer = chain.concat(one);
  expect([longer.length, longer.indexOf(7, 131_072), longer.at(131_072)]).toEqual([
    131_073, 131_072, 7,
  ]);
  for (const bytes of [one, chain, longer]) bytes.release();
  expectNothingLeft(heap);
});

it("of another heap are refused, and hold nothing", () => {
  const { heap, bytes: pool } = newPools();
  const other = newPools();
  const mine = pool.alloc(10);
  const theirs = other.bytes.alloc(10);
  refusal("ERR_INVALID_ARGUMENT", () => mine.concat(theirs));
  refusal("ERR_INVALID_ARGUMENT", () => mine.concat(mine, theirs));
  mine.release();
  theirs.release();
  expectNothingLeft(heap);
  expectNothingLeft(other.heap);
});

it("are written across parts, also from themselves", () => {
  const { heap, bytes: pool } = newPools();
  const block = pool.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const chain = block.slice(4).concat(block.slice(0, 4));
  chain.write(block.view());
  expect(listOf(chain)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(listOf(block)).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
  chain.write(new Uint8Array([70, 80, 90]), 3);
  expect(listOf(chain)).toEqual([1, 2, 3, 70, 80, 90, 7, 8]);
  heap.reset();
});

it("are searched, compared and copied across parts", () => {
  const { heap, bytes: pool } = newPools();
  const parts = [pool.from([1, 2]), pool.from([3, 1]), pool.from([2, 3])] as const;
  const chain = parts[0].concat(parts[1], parts[2]);
  const places = [0, 1, 2, 3, 4, 5, 6].map((from) => chain.indexOf(1, from));
  expect(places).toEqual([0, 3, 3, 3, -1, -1, -1]);
  expect(chain.indexOf(3, 3)).toBe(5);
  expect(chain.indexOf(9)).toBe(-1);
  const same = parts[0].concat(pool.from([3]), pool.from([1, 2, 3]));
  expect([chain.equals(same), same.equals(chain)]).toEqual([true, true]);
  expect(chain.equals(new Uint8Array([1, 2, 3, 1, 2, 3]))).toBe(true);
  expect(chain.equals(new Uint8Array([1, 2, 3, 1, 2, 4]))).toBe(false);
  expect(chain.equals(new Uint8Array([1, 2, 3, 1, 2]))).toBe(false);
  for (let start = 0; start <= 6; start++) {
    for (let end = start; end <= 6; end++) {
      const target = new Uint8Array(10);
      expect(chain.copyTo(target, 4, start, end)).toBe(end - start);
      const expected = new Uint8Array(10);
      expected.set([1, 2, 3, 1, 2, 3].slice(start, end), 4);
      expect([...target]).toEqual([...expected]);
    }
  }
  heap.reset();
});

describe("frozen bytes", () => {
  it("cannot be written, nor can handles made from them; other handles can", () => {
    const { heap, bytes: pool } = newPools();
    const before = pool.from([1, 2, 3, 4]);
    const frozen = before.slice();
    expect(frozen.freeze()).toBe(frozen);
    const derived = [frozen, frozen.slice(1), frozen.split(1), before.concat(frozen)];
    for (const bytes of derived) {
      expect(bytes.isFrozen).toBe(true);
      refusal("ERR_FROZEN", () => bytes.set(0, 9));
      refusal("ERR_FROZEN", () => bytes.write(new Uint8Array(1)));
      refusal("ERR_FROZEN", () => bytes.view());
      expect(bytes.toUnshared().length).toBe(bytes.length);
      expect([...bytes.chunks()].length).toBeGreaterThan(0);
    }
    expect(listOf(before)).toEqual([1, 2, 3, 4]);
    expect(before.isFrozen).toBe(false);
    before.set(3, 40);
    expect(frozen.at(2)).toBe(40);
    const copy = frozen.compact();
    expect(copy.isFrozen).toBe(false);
    copy.set(0, 1);
    for (const bytes of [before, copy, ...derived]) bytes.release();
    expectNothingLeft(heap);
  });
});

describe("handOff and adopt", () => {
  it.each([0, 1, 100, 70_000])("of %i bytes", (size) => {
    const { heap, bytes: pool } = newPools();
    const bytes = pool.from(new Uint8Array(size).fill(5));
    const given = bytes.handOff();
    expect([given.length, bytes.isReleased, liveBlocks(heap)]).toEqual([size, true, 1]);
    refusal("ERR_RELEASED", () => bytes.handOff());
    const taken = newPools(heap).bytes.adopt(given.ptr, given.length);
    expect(taken.equals(new Uint8Array(size).fill(5))).toBe(true);
    taken.release();
    expectNothingLeft(heap);
  });

  it("takes the only handle of one whole block", () => {
    const { heap, bytes: pool } = newPools();
    const bytes = pool.from([1, 2, 3, 4]);
    const slice = bytes.slice(0, 2);
    refusal("ERR_NOT_OWNED", () => bytes.handOff());
    refusal("ERR_NOT_OWNED", () => slice.handOff());
    slice.release();
    bytes.retain();
    refusal("ERR_NOT_OWNED", () => bytes.handOff());
    bytes.release();
    const twice = bytes.concat(bytes);
    refusal("ERR_NOT_OWNED", () => twice.handOff());
    twice.release();
    const head = bytes.split(1);
    head.release();
    refusal("ERR_NOT_OWNED", () => bytes.handOff());
    const none = bytes.slice(0, 0);
    refusal("ERR_NOT_OWNED", () => none.handOff());
    none.release();
    const whole = bytes.compact();
    bytes.release();
    heap.free(whole.handOff().ptr);
    expectNothingLeft(heap);
  });

  it("adopt refuses blocks that are not live, and lengths beyond the block", () => {
    const { heap, bytes: pool } = newPools();
    const ptr = heap.malloc(64);
    for (const length of [65, -1, 1.5, Number.NaN, "1", null, undefined, {}]) {
      const error = refusal("ERR_OUT_OF_RANGE", () => pool.adopt(ptr, wrong(length)));
      expect(error.details).toMatchObject({ ptr, most: 64 });
    }
    for (const value of [0, ptr + 16, ptr + 1, -16, 2 ** 31, null, "65536", {}]) {
      thrown(() => pool.adopt(wrong(value), 1), "ERR_INVALID_POINTER");
    }
    heap.free(ptr);
    thrown(() => pool.adopt(ptr, 1), "ERR_DOUBLE_FREE");
    expectNothingLeft(heap);
  });
});

it("toUnshared copies out of shared memory", () => {
  const heap = Heap.over(new SharedArrayBuffer(2 ** 20));
  const { bytes: pool } = newPools(heap);
  const bytes = pool.from([1, 2, 3]);
  const copy = bytes.toUnshared();
  expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
  expect(copy.buffer.byteLength).toBe(3);
  copy[0] = 9;
  expect(bytes.at(0)).toBe(1);
  bytes.release();
  expectNothingLeft(heap);
});

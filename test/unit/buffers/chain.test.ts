import { expect, it } from "vitest";
import { Block } from "../../../src/buffers/block.js";
import {
  type Chain,
  cutChain,
  Fork,
  findIndex,
  holdChain,
  joinAll,
  Leaf,
  leaveChain,
  listParts,
} from "../../../src/buffers/chain.js";
import type { Bytes } from "../../../src/buffers/index.js";
import { partsOf } from "../../../src/buffers/internal.js";
import { Writer } from "../../../src/codec/index.js";
import { Heap } from "../../../src/index.js";
import { expectNothingLeft, liveBlocks, newPools, refusal } from "./help.js";

/** Returns whole numbers below `most`, always the same ones. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % most;
  };
}

/** Checks heights and lengths of a tree, and that it is balanced. */
function checkTree(chain: Chain): void {
  if (!(chain instanceof Fork)) return;
  const { left, right, height, length } = chain;
  expect(Math.abs(left.height - right.height)).toBeLessThanOrEqual(1);
  expect(height).toBe(Math.max(left.height, right.height) + 1);
  expect(length).toBe(left.length + right.length);
  checkTree(left);
  checkTree(right);
}

function indicesOf(chain: Chain): number[] {
  return listParts(chain).flatMap(({ start, length }) =>
    Array.from({ length }, (_, index) => start + index),
  );
}

it.each([1, 2, 3])("joined and cut at random, trees stay balanced and count right: %i", (seed) => {
  const heap = Heap.create({ capacity: 2 ** 20 });
  const draw = numbers(seed);
  const blocks = Array.from({ length: 40 }, () => new Block(heap, heap.malloc(100), 1));
  const kept: { chain: Chain; indices: number[] }[] = blocks.map((block) => {
    const start = draw(90);
    const chain = new Leaf(block, block.ptr + start, 1 + draw(100 - start));
    block.leave();
    return { chain, indices: indicesOf(chain) };
  });
  for (let turn = 0; turn < 400; turn++) {
    const some = Array.from({ length: 1 + draw(5) }, () => kept[draw(kept.length)]);
    const all = some.flatMap((one) => one?.indices ?? []);
    const joined = joinAll(some.map((one) => holdChain(one?.chain as Chain)));
    const start = draw(all.length);
    const end = start + 1 + draw(Math.min(3000, all.length - start));
    const cut = cutChain(joined, start, end);
    checkTree(joined);
    checkTree(cut);
    const indices = all.slice(start, end);
    expect(indicesOf(cut)).toEqual(indices);
    const place = draw(indices.length);
    expect(findIndex(cut, place)).toBe(indices[place]);
    leaveChain(joined);
    const [old] = kept.splice(draw(kept.length), 1, { chain: cut, indices });
    leaveChain(old?.chain as Chain);
  }
  const used = new Set(kept.flatMap(({ chain }) => listParts(chain).map(({ block }) => block)));
  expect(liveBlocks(heap)).toBe(used.size);
  for (const { chain } of kept) leaveChain(chain);
  expectNothingLeft(heap);
});

const MANY = 200_000;

it("a chain of 200,000 parts is built, cut, read and released", () => {
  const { heap, bytes: pool } = newPools();
  const one = pool.from("ab");
  const writer = new Writer(heap, { grow: "chain" });
  for (let count = 0; count < MANY; count++) writer.append(one);
  const chain = writer.finish();
  expect([chain.length, partsOf(chain).length]).toEqual([2 * MANY, MANY]);
  const all = chain.concat(chain, one);
  expect([all.length, all.at(-1), all.at(2 * MANY + 1)]).toEqual([4 * MANY + 2, 98, 98]);
  for (let count = 0; count < MANY; count++) all.split(1).release();
  expect([all.length, all.indexOf("aab"), all.includes("ba", MANY)]).toEqual([
    3 * MANY + 2,
    -1,
    true,
  ]);
  writer.append(all);
  const again = writer.finish();
  expect(again.equals(all)).toBe(true);
  for (const bytes of [one, chain, all, again]) bytes.release();
  writer[Symbol.dispose]();
  expectNothingLeft(heap);
});

it("a chain is built by one concat after another, and taken apart by slices", () => {
  const { heap, bytes: pool } = newPools();
  const one = pool.from("x");
  let chain: Bytes = one.slice();
  for (let count = 1; count < 20_000; count++) {
    const longer = chain.concat(one);
    chain.release();
    chain = longer;
  }
  const others = Array.from({ length: 20_000 }, () => one);
  const atOnce = one.concat(...others);
  expect([chain.length, atOnce.length]).toEqual([20_000, 20_001]);
  while (chain.length > 1) {
    const rest = chain.slice(1);
    chain.release();
    chain = rest;
  }
  expect(chain.view().length).toBe(1);
  for (const bytes of [one, chain, atOnce]) bytes.release();
  expectNothingLeft(heap);
});

it("what a failed concat held is given back", () => {
  const { heap, bytes: pool } = newPools();
  const a = pool.from("a");
  const b = pool.from("b");
  const chain = a.concat(b);
  b.release();
  refusal("ERR_RELEASED", () => a.concat(chain, b));
  refusal("ERR_INVALID_ARGUMENT", () => chain.concat(a, null as never));
  a.release();
  chain.release();
  expectNothingLeft(heap);
});

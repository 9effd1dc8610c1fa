import { expect, test } from "vitest";
import { Heap } from "../../../src/index.js";
import * as cachedBlock from "../../../src/layout/cachedBlock.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import { FREE } from "../../../src/layout/header.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at, fingerprint, thrown } from "../help.js";
import { byteOf, field, ofClass, town } from "./corrupt.js";
import { CORRUPTIONS, smallByte } from "./corruptions.js";

test.each(CORRUPTIONS)("%s: %s", (invariant, _what, change, address, found) => {
  const t = town();
  const expected = address(t);
  change(t);
  const error = thrown(() => t.heap.verify(), "ERR_HEAP_CORRUPTED");
  expect(error.details.invariant, error.message).toBe(invariant);
  expect(error.details.address, error.message).toBe(expected);
  if (found !== undefined) expect(error.details.found, error.message).toBe(found(t));
  expect(error.details).toHaveProperty("found");
  expect(error.message).toContain(`invariant ${invariant}, at ${expected}: found `);
  // An image like this is no image to attach to.
  const bad = thrown(() => Heap.open(t.heap.buffer), "ERR_BAD_HEAP_IMAGE");
  expect(bad.details).toMatchObject({ field: invariant, address: expected });
});

test("a slab whose blocks are all free is not left in a class", () => {
  const t = town();
  t.heap.drain();
  for (const ptr of t.small) t.headers[ptr >>> 4] = FREE | t.smallClass;
  t.meta[field(t.smallSlab, slabRecord.FREE_COUNT)] = at(
    t.meta,
    field(t.smallSlab, slabRecord.CARVED),
  );
  const { details } = thrown(() => t.heap.verify(), "ERR_HEAP_CORRUPTED");
  expect(details).toMatchObject({ invariant: "carved", address: smallByte(t), found: 64 });
});

test("two free runs side by side break the tiling", () => {
  const t = town();
  t.meta[field(t.freeRun, slabRecord.RUN)] = 1;
  t.meta[field(t.freeRun + 1, slabRecord.RUN)] = 1;
  const { details } = thrown(() => t.heap.verify(), "ERR_HEAP_CORRUPTED");
  expect(details).toMatchObject({ invariant: "tiling", address: byteOf(t.freeRun + 1) });
});

test("a SLL that turns back on itself ends", () => {
  const t = town();
  const many = Array.from({ length: 900 }, () => t.heap.malloc(16));
  for (const ptr of many) t.heap.free(ptr);
  const head = at(t.meta, ofClass(1, classRecord.SLL_HEAD));
  expect(head).toBeGreaterThan(0);
  t.heap.verify();
  t.views.i32[(head >> 2) + cachedBlock.CHAIN_LINK] = head;
  const { details } = thrown(() => t.heap.verify(), "ERR_HEAP_CORRUPTED");
  expect(details).toMatchObject({ invariant: "cached", address: head });
});

test("the end of the slabs is where headers end", () => {
  const t = town();
  t.meta[superblock.END_SLAB] = 40;
  const { details } = thrown(() => t.heap.verify(), "ERR_HEAP_CORRUPTED");
  expect(details).toMatchObject({ invariant: "headers", address: 2 ** 21 });
});

test("a sound heap verifies at every stage, and verifying changes nothing", () => {
  const t = town();
  const stages = [
    () => t.heap.free(t.span),
    () => t.heap.free(t.tail),
    () => t.small.forEach(t.heap.free),
    () => t.heap.drain(),
    () => t.heap.free(t.pool),
    () => t.heap.reset(),
  ];
  for (const stage of stages) {
    stage();
    const before = fingerprint(t.heap.buffer);
    t.heap.verify();
    expect(fingerprint(t.heap.buffer)).toBe(before);
  }
});

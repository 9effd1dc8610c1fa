import { describe, expect, it } from "vitest";
import { blockIndex } from "../../../src/central/freeBits.js";
import { sendOutbox } from "../../../src/central/remote.js";
import { loadState, ownerOf } from "../../../src/central/states.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import { FREE_WORDS_SHIFT } from "../../../src/layout/sharedMetadata.js";
import { outboxLimit, type SharedViews } from "../../../src/layout/sharedViews.js";
import { BLOCK_BYTES } from "../../../src/layout/sizeClasses.js";
import { MARKED } from "../../../src/layout/slabState.js";
import { blocksPerSlab, ptrToSlab } from "../../../src/layout/units.js";
import * as workerRegion from "../../../src/layout/workerRegion.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at } from "../help.js";
import { onSync, sharedViewsOf, workersOf } from "./help.js";

type Two = [SharedHeap, SharedHeap];

/** Returns how many blocks are in an outbox, how many were sent, and the bytes that it counts. */
function outboxOf(heap: SharedHeap): number[] {
  const { meta } = sharedViewsOf(heap);
  const { OUTBOX_COUNT, OUTBOX_SENT, OUTBOX_BYTES } = workerRegion;
  return [OUTBOX_COUNT, OUTBOX_SENT, OUTBOX_BYTES].map((index) => at(meta, index));
}

/** Returns the numbers of the bits that are set in a run of words. */
function bitsOf(views: SharedViews, from: number, words: number): number[] {
  return Array.from({ length: words * 32 }, (_, bit) => bit).filter(
    (bit) => ((Atomics.load(views.words, from + (bit >> 5)) >>> (bit & 31)) & 1) === 1,
  );
}

/** Returns every message that was sent to a worker. */
function messagesTo(heap: SharedHeap, slab: number): Record<string, number[]> {
  const views = sharedViewsOf(heap);
  const { layout, worker } = views;
  const region = layout.regions + worker * layout.regionInts;
  const remote = layout.remoteBits + (slab << FREE_WORDS_SHIFT);
  return {
    blocks: bitsOf(views, remote, 1 << FREE_WORDS_SHIFT),
    groups: bitsOf(views, layout.summaries + slab, 1),
    slabs: bitsOf(views, region + workerRegion.DIRTY_WORDS, layout.dirtyWords),
    mail: bitsOf(views, workerSlot.at(worker) + workerSlot.MAIL, 1),
  };
}

const NOTHING = { blocks: [], groups: [], slabs: [], mail: [] };

describe("an outbox", () => {
  it("is sent when it has 256 KiB", () => {
    for (const [bytes, count] of [
      [32768, 8],
      [65536, 4],
      [40960, 7],
      [2048, 128],
    ] as const) {
      const [a, b] = workersOf(2) as Two;
      const ptrs = Array.from({ length: count }, () => a.malloc(bytes));
      ptrs.forEach((ptr, index) => {
        b.free(ptr);
        const sent = index + 1;
        expect(outboxOf(b)).toEqual(sent === count ? [0, 0, 0] : [sent, 0, sent * bytes]);
      });
      a.drain();
      expect(a.stats()).toMatchObject({ slabs: { inUse: 0 }, inTransit: { blocks: 0 } });
    }
  });

  it("counts no bytes of tiny blocks, which the hot path puts there", () => {
    const [a, b] = workersOf(2) as Two;
    for (let count = 1; count <= 10; count++) {
      b.free(a.malloc(64 + 90 * count));
      expect(outboxOf(b)).toEqual([count, 0, 0]);
    }
    b.free(a.malloc(2048));
    expect(outboxOf(b)).toEqual([11, 0, 2048]);
  });

  it.each([0, 1, 2, 1023, 1024, 1025])("has a limit by the interval: %i", (sllDrainInterval) => {
    const [a] = workersOf(1, { sllDrainInterval }) as [SharedHeap];
    const limit = sllDrainInterval === 0 ? 1024 : Math.min(1024, sllDrainInterval);
    expect(outboxLimit(sharedViewsOf(a))).toBe(limit);
  });
});

describe("a block that is sent", () => {
  it.each([32, 48, 64, 80, 1024, 4096, 65536])("of %i bytes: one bit at each level", (bytes) => {
    const classIndex = BLOCK_BYTES.indexOf(bytes);
    const count = blocksPerSlab(classIndex);
    const [a, b] = workersOf(2, { sllDrainInterval: 0 }) as Two;
    const ptrs = Array.from({ length: 2 * count }, () => a.malloc(bytes));
    const own = ptrs.filter((ptr) => ptrToSlab(ptr) === ptrToSlab(at(ptrs, 0)));
    expect(own.length).toBe(count);
    const slab = ptrToSlab(at(own, 0));
    const shift = count > 1024 ? 2 : 0;
    for (const index of new Set([0, 31, 32, 63, 127, 128, 1023, 1024, count - 1])) {
      const ptr = own[index];
      if (ptr === undefined) continue;
      expect(blockIndex(ptr, classIndex)).toBe(index);
      b.free(ptr);
      b.drain();
      expect(messagesTo(a, slab)).toEqual({
        blocks: [index],
        groups: [(index >> 5) >> shift],
        slabs: [slab],
        mail: [slab >> 5],
      });
      a.drain();
      expect(messagesTo(a, slab)).toEqual(NOTHING);
      // It is the slab's only free block.
      expect(a.malloc(bytes)).toBe(ptr);
    }
    a.verify();
  });

  it("is named with those of its word, and each word by its bit", () => {
    const [a, b] = workersOf(2, { sllDrainInterval: 0 }) as Two;
    const ptrs = Array.from({ length: 1024 }, () => a.malloc(64));
    const slab = ptrToSlab(at(ptrs, 0));
    const chosen = [3, 5, 31, 32, 40, 7, 1000, 1001, 999, 64];
    for (const index of chosen) b.free(at(ptrs, index));
    expect(outboxOf(b)[0]).toBe(chosen.length);
    b.drain();
    expect(messagesTo(a, slab)).toEqual({
      blocks: [...chosen].sort((left, right) => left - right),
      groups: [0, 1, 2, 31],
      slabs: [slab],
      mail: [slab >> 5],
    });
    a.drain();
    expect(messagesTo(a, slab)).toEqual(NOTHING);
    a.verify();
  });

  it("is told by one mail bit for several dirty words, where there are many slabs", () => {
    const [a, b] = workersOf(2, { capacity: 128 * 2 ** 20, sllDrainInterval: 0 }) as Two;
    const { layout } = sharedViewsOf(a);
    expect([layout.dirtyWords, layout.mailGroup]).toEqual([64, 2]);
    const ptrs: Ptr[] = [];
    for (let ptr = a.tryMalloc(65536); ptr !== 0; ptr = a.tryMalloc(65536)) ptrs.push(ptr);
    const kept = ptrs.filter((_, index) => index % 100 !== 7);
    const freed = ptrs.filter((_, index) => index % 100 === 7);
    for (const ptr of freed) {
      const slab = ptrToSlab(ptr);
      b.free(ptr);
      b.drain();
      const sent = { blocks: [0], groups: [0], slabs: [slab], mail: [slab >> 6] };
      expect(messagesTo(a, slab)).toEqual(sent);
      a.drain();
      expect(messagesTo(a, slab)).toEqual(NOTHING);
    }
    expect(a.stats().live.blocks).toBe(kept.length);
    a.verify();
  });
});

describe("a block of an abandoned slab", () => {
  it("makes its sender adopt the slab, also if its state changes meanwhile", () => {
    const [a, b] = workersOf(2, { sllDrainInterval: 0 }) as Two;
    const ptrs = [a.malloc(64), a.malloc(64)];
    const slab = ptrToSlab(at(ptrs, 0));
    b.free(at(ptrs, 0));
    a.detach();
    const views = sharedViewsOf(b);
    const stateAt = views.layout.states + slab;
    onSync(
      "compareExchange",
      (index) => index === stateAt,
      () => Atomics.xor(views.words, stateAt, MARKED),
    );
    sendOutbox(views);
    Atomics.xor(views.words, stateAt, MARKED);
    expect(ownerOf(loadState(views, slab))).toBe(b.workerId + 1);
    expect(b.stats().inTransit.blocks).toBe(0);
    b.verify();
  });
});

describe("blocks of several owners", () => {
  it("are each told to their own", () => {
    const workers = workersOf(4, { sllDrainInterval: 0 });
    const b = at(workers, 3);
    const ptrs = workers.slice(0, 3).map((heap) => [heap.malloc(64), heap.malloc(4096)] as const);
    for (const [small] of ptrs) b.free(small);
    for (const [, large] of ptrs) b.free(large);
    b.drain();
    ptrs.forEach(([small, large], worker) => {
      const heap = at(workers, worker);
      const slabs = [ptrToSlab(small), ptrToSlab(large)].sort((left, right) => left - right);
      expect(messagesTo(heap, ptrToSlab(small))).toMatchObject({ blocks: [0], slabs });
      heap.drain();
      expect(messagesTo(heap, ptrToSlab(large))).toEqual(NOTHING);
    });
    expect(b.stats()).toMatchObject({ slabs: { inUse: 0 }, live: { blocks: 0 } });
  });

  it("come home at once to a slab of the sender's own", () => {
    const [a, b] = workersOf(2, { sllDrainInterval: 0 }) as Two;
    const ptrs = [a.malloc(64), a.malloc(64)];
    b.free(at(ptrs, 0));
    a.detach();
    b.malloc(64);
    expect(at(b.stats().workers, 0).slabs).toBe(1);
    b.drain();
    expect(b.stats()).toMatchObject({ inTransit: { blocks: 0 }, live: { blocks: 2 } });
    expect(messagesTo(b, ptrToSlab(at(ptrs, 0)))).toEqual(NOTHING);
    b.verify();
  });
});

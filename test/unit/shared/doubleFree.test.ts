import { describe, expect, it } from "vitest";
import { type Ptr, SharedHeap } from "../../../src/index.js";
import { IN_TRANSIT, LIVE } from "../../../src/layout/header.js";
import { FREE_WORDS_SHIFT } from "../../../src/layout/sharedMetadata.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import { generationOf, SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerRegion from "../../../src/layout/workerRegion.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { thrown } from "../help.js";
import { bury, drainAllOf, fallSilent, sharedViewsOf, workersOf } from "./help.js";

type Four = [SharedHeap, SharedHeap, SharedHeap, SharedHeap];

/**
 * Lets two workers free a block at the same moment: the second reads the header before the first
 * has written it.
 */
function freeAtOnce(ptr: Ptr, first: SharedHeap, second: SharedHeap): void {
  const { headers } = sharedViewsOf(first);
  const header = headers[ptr >>> 4] as number;
  first.free(ptr);
  headers[ptr >>> 4] = header;
  second.free(ptr);
}

describe("two workers that free a block at the same moment", () => {
  it("one of them is told by drain, while the other has sent it", () => {
    const [a, b, c] = workersOf(4) as Four;
    for (const size of [64, 3000]) {
      const ptr = a.malloc(size);
      freeAtOnce(ptr, b, c);
      b.drain();
      const error = thrown(() => c.drain(), "ERR_DOUBLE_FREE");
      expect(error.details).toEqual({ ptr, reason: "freed" });
      c.drain();
      drainAllOf([a, b, c]);
      a.verify();
      expect(a.stats().live.blocks).toBe(0);
    }
  });

  it("the later is told although the block has come home, and is another's", () => {
    const [a, b, c] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    freeAtOnce(ptr, b, c);
    b.drain();
    a.drain();
    expect(a.malloc(64)).toBe(ptr);
    thrown(() => c.drain(), "ERR_DOUBLE_FREE");
    expect(a.classify(ptr)).toBe("tiny");
    a.free(ptr);
    drainAllOf([a, b, c]);
    a.verify();
  });

  it("is told by detach, which has detached then", () => {
    const [a, b, c] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    freeAtOnce(ptr, b, c);
    b.drain();
    thrown(() => c.detach(), "ERR_DOUBLE_FREE");
    c.detach();
    expect(a.stats().workers.map(({ workerId }) => workerId)).toEqual([0, 1, 3]);
  });

  it("is told to the other worker where the owner frees at the same moment", () => {
    const [a, b] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    freeAtOnce(ptr, b, a);
    thrown(() => b.drain(), "ERR_DOUBLE_FREE");
    expect(a.malloc(64)).toBe(ptr);
    a.free(ptr);
    drainAllOf([a, b]);
    a.verify();
  });
});

describe("a block that is in outboxes twice", () => {
  it("is told of, where one outbox has it twice", () => {
    const [a, b, c] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    freeAtOnce(ptr, b, c);
    c.drain();
    a.drain();
    expect(a.malloc(64)).toBe(ptr);
    b.free(ptr);
    thrown(() => b.drain(), "ERR_DOUBLE_FREE");
    drainAllOf([a, b, c]);
    a.verify();
  });

  it("is not told of a block that a recovery has sent again", () => {
    const [a, b, c, d] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    const { headers } = sharedViewsOf(a);
    // Worker 1 dies after it has sent the block, and before it has noted that.
    b.free(ptr);
    headers[ptr >>> 4] = LIVE + (headers[ptr >>> 4] as number);
    c.free(ptr);
    expect(headers[ptr >>> 4]).toBe(IN_TRANSIT + 4);
    fallSilent(b);
    d.recover(1);
    a.drain();
    c.drain();
    drainAllOf([a, c, d]);
    a.verify();
    expect(a.stats().live.blocks).toBe(0);
  });
});

describe("a mark", () => {
  it("is no header, wherever it stands", () => {
    const [a] = workersOf(4) as Four;
    for (const size of [32, 48, 64, 80, 240, 3000, 100000]) {
      const ptrs = Array.from({ length: 9 }, () => a.malloc(size));
      for (const worker of [1, 2, 3]) {
        for (const ptr of ptrs) a.handOver(ptr, worker);
        for (const ptr of ptrs) {
          for (let inner = 16; inner < Math.min(size, 128); inner += 16) {
            thrown(() => a.free((ptr + inner) as Ptr), "ERR_INVALID_POINTER");
          }
        }
        a.verify();
      }
      expect([...bury(a, 3).live].sort((x, y) => x - y)).toEqual(ptrs.sort((x, y) => x - y));
      for (const ptr of ptrs) a.free(ptr);
      drainAllOf([a]);
      a.verify();
      SharedHeap.attach(a.buffer);
    }
  });
});

describe("a free that is overtaken between its load and its store", () => {
  it("by the owner's collection counts the block once", () => {
    const [a, b, c] = workersOf(4) as Four;
    const keep = a.malloc(64);
    const ptr = a.malloc(64);
    const { headers, meta } = sharedViewsOf(c);
    const live = headers[ptr >>> 4] as number;
    b.free(ptr);
    b.drain();
    a.drain();
    // Worker 2 read that the block is live before, and writes now.
    headers[ptr >>> 4] = live;
    c.free(ptr);
    expect(meta[workerRegion.OUTBOX_COUNT]).toBe(1);
    c.drain();
    thrown(() => a.drain(), "ERR_DOUBLE_FREE");
    a.verify();
    expect(a.classify(keep)).toBe("tiny");
    const again = [a.malloc(64), a.malloc(64)];
    expect(new Set([keep, ...again]).size).toBe(3);
    for (const each of [keep, ...again]) a.free(each);
    drainAllOf([a, b, c]);
    a.verify();
  });
});

describe("a block that comes home although it was not freed just then", () => {
  it("is told to its owner, who freed it too", () => {
    const [a, b] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    const { headers } = sharedViewsOf(a);
    const live = headers[ptr >>> 4] as number;
    b.free(ptr);
    b.drain();
    // The owner read that the block is live before, and writes now.
    headers[ptr >>> 4] = live;
    a.free(ptr);
    expect(thrown(() => a.drain(), "ERR_DOUBLE_FREE").details.ptr).toBe(ptr);
    a.drain();
    a.verify();
  });

  it("is not told of in a heap where a worker was recovered", () => {
    const [a, b, c] = workersOf(4) as Four;
    const ptr = a.malloc(64);
    const { headers } = sharedViewsOf(a);
    const live = headers[ptr >>> 4] as number;
    fallSilent(c);
    a.recover(2);
    b.free(ptr);
    b.drain();
    headers[ptr >>> 4] = live;
    a.free(ptr);
    a.drain();
    a.verify();
  });
});

describe("a recovery that runs while blocks are freed", () => {
  it("keeps what it sends again from being told as freed twice", () => {
    for (const isOver of [false, true]) {
      const [a, b, c, d] = workersOf(4) as Four;
      const ptr = a.malloc(64);
      b.free(ptr);
      b.drain();
      a.drain();
      fallSilent(b);
      const { words } = sharedViewsOf(d);
      const slot = workerSlot.at(1) + workerSlot.STATE;
      // Worker 3 recovers worker 1, which had sent the block and not noted that.
      words[slot] = generationOf(words[slot] as number) | SLOT_RECOVERING | 3;
      words[sharedSuperblock.RECOVERIES] = 1;
      c.free(c.malloc(64));
      c.free(a.malloc(3000));
      c.drain();
      expect(a.malloc(64)).toBe(ptr);
      c.free(ptr);
      const { layout } = sharedViewsOf(a);
      const word = layout.remoteBits + ((ptr >>> 16) << FREE_WORDS_SHIFT);
      words[word] = 1;
      if (isOver) d.recover(1);
      c.drain();
      if (!isOver) d.recover(1);
      drainAllOf([a, c, d]);
      a.verify();
    }
  });
});

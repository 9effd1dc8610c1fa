import { beforeEach, describe, expect, it } from "vitest";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import * as frontCache from "../../../src/layout/frontCache.js";
import { markAt } from "../../../src/layout/mark.js";
import { FREE_WORDS_SHIFT } from "../../../src/layout/sharedMetadata.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { ABANDONED, MARKED } from "../../../src/layout/slabState.js";
import * as superblock from "../../../src/layout/superblock.js";
import { ptrToSlab } from "../../../src/layout/units.js";
import * as workerRegion from "../../../src/layout/workerRegion.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at, thrown } from "../help.js";
import { sharedViewsOf, workersOf } from "../shared/help.js";

/** 100 bytes: 112 in class 7. */
const KIND_112 = 7;

interface Fixture {
  readonly a: SharedHeap;
  readonly b: SharedHeap;
  /** What worker 0 sees. */
  readonly views: SharedViews;
  /** What worker 1 sees. */
  readonly other: SharedViews;
  readonly slab: number;
  readonly live: Ptr;
  readonly marked: Ptr;
  /** In the outbox of worker 1, and with a remote bit. */
  readonly unsent: Ptr;
  readonly sent: Ptr;
  readonly free: Ptr;
  readonly cached: Ptr;
  readonly span: Ptr;
}

let fixture: Fixture;

function makeFixture(): Fixture {
  const [a, b] = workersOf(2);
  if (a === undefined || b === undefined) throw new Error("two workers");
  const ptrs = Array.from({ length: 20 }, () => a.malloc(100));
  const span = a.malloc(100000);
  const pick = (index: number): Ptr => at(ptrs, index);
  a.handOver(pick(1), 1);
  b.free(pick(2));
  b.drain();
  b.free(pick(3));
  a.drain();
  b.free(pick(5));
  b.drain();
  a.free(pick(6));
  b.free(pick(3 + 4));
  const views = sharedViewsOf(a);
  const slab = ptrToSlab(pick(0));
  return {
    a,
    b,
    views,
    other: sharedViewsOf(b),
    slab,
    live: pick(0),
    marked: pick(1),
    unsent: pick(7),
    sent: pick(5),
    free: pick(2),
    cached: pick(6),
    span,
  };
}

type Words = Int32Array | Uint8Array;
type Damage = (f: Fixture) => readonly [words: Words, index: number, value: number];

const record =
  (field: number, value: number): Damage =>
  ({ views, slab }) => [views.records, slabRecord.at(slab) + field, value];
const header =
  (of: keyof Fixture, value: number, granule = 0): Damage =>
  ({ views, ...rest }) => [views.headers, ((rest as never)[of] >>> 4) + granule, value];
const mark =
  (of: "live" | "marked" | "free" | "cached", value: number): Damage =>
  ({ views, ...rest }) => [views.headers, markAt(rest[of]), value];
const meta =
  (index: number, value: number): Damage =>
  ({ views }) => [views.meta, index, value];
const state =
  (value: number): Damage =>
  ({ views, slab }) => [views.words, views.layout.states + slab, value];
const bits =
  (of: "free" | "live" | "sent", array: "freeBits" | "remoteBits"): Damage =>
  (f) => {
    const block = ((f[of] & 65535) / 112) | 0;
    const word = (f.slab << FREE_WORDS_SHIFT) + (block >>> 5);
    const { views } = f;
    const [words, index] =
      array === "freeBits" ? [views.freeBits, word] : [views.words, views.layout.remoteBits + word];
    return [words, index, at(words, index) ^ (1 << (block & 31))];
  };

const DAMAGES: readonly (readonly [name: string, invariant: string, damage: Damage])[] = [
  ["a slab's owner, one that is not attached", "owner", state(3 | (KIND_112 << 8) | MARKED)],
  ["a slab's owner, no worker", "owner", state(77 | (KIND_112 << 8) | MARKED)],
  ["a slab's owner, abandoned", "owner", state(ABANDONED | (KIND_112 << 8) | MARKED)],
  ["a slab's kind", "tiling", state(1 | (8 << 8) | MARKED)],
  ["a slab's kind, none", "tiling", state(1 | (60 << 8))],
  ["a slab in use as pooled", "headers", state(0)],
  ["a slab in use as a tail", "tiling", state(62 << 8)],
  ["the flag of marks", "marks", state(1 | (KIND_112 << 8))],
  ["a record's kind", "tiling", record(slabRecord.KIND, 9)],
  ["a record's free count", "freeCount", record(slabRecord.FREE_COUNT, 99)],
  ["a record's carved count", "headers", record(slabRecord.CARVED, 3)],
  ["a record's carved count, none", "carved", record(slabRecord.CARVED, 0)],
  ["a record's carved count, too many", "carved", record(slabRecord.CARVED, 9999)],
  ["a partial list's link", "partial", record(slabRecord.NEXT, 3)],
  [
    "a span's run",
    "span",
    ({ views, span }) => [views.records, slabRecord.at(span >>> 16) + slabRecord.RUN, 5],
  ],
  [
    "a span's bytes",
    "span",
    ({ views, span }) => [
      views.records,
      slabRecord.at(span >>> 16) + slabRecord.SPAN_BYTES,
      999999,
    ],
  ],
  ["a span's header", "headers", header("span", 0)],
  ["a span's header map", "headers", header("span", 5, 3)],
  ["a span that is marked and not flagged", "headers", header("span", 2, 1)],
  [
    "a span's owner",
    "owner",
    ({ views, span }) => [views.words, views.layout.states + (span >>> 16), 77 | (63 << 8)],
  ],
  [
    "a span's head as pooled",
    "headers",
    ({ views, span }) => [views.words, views.layout.states + (span >>> 16), 0],
  ],
  [
    "a span's tail as pooled",
    "span",
    ({ views, span }) => [views.words, views.layout.states + (span >>> 16) + 1, 0],
  ],
  ["a live header as free", "freeBits", header("live", 0x40 | KIND_112)],
  ["a live header as cached", "cached", header("live", 0x80 | KIND_112)],
  ["a live header as in transit", "transit", header("live", KIND_112)],
  ["a live header of another class", "headers", header("live", 0xc0 | 8)],
  ["a live header without a class", "headers", header("live", 0xc0)],
  ["a free header as live", "freeBits", header("free", 0xc0 | KIND_112)],
  ["a cached header as live", "cached", header("cached", 0xc0 | KIND_112)],
  ["a header in transit as live", "transit", header("unsent", 0xc0 | KIND_112)],
  ["a sent header as live", "transit", header("sent", 0xc0 | KIND_112)],
  ["a header within a block", "headers", header("live", 0xc0 | KIND_112, 2)],
  ["a mark on a live block, not counted", "marks", mark("live", 4)],
  ["a mark that is missing", "marks", mark("marked", 0)],
  ["a mark on a free block", "marks", mark("free", 4)],
  ["a mark on a cached block", "marks", mark("cached", 4)],
  ["a mark of no worker", "marks", mark("marked", 0x7e)],
  ["a mark that is a header", "marks", mark("marked", 0xc7)],
  ["the count of marks", "marks", ({ views, slab }) => [views.markCounts, slab, 2]],
  ["a pooled slab's marks", "marks", ({ views }) => [views.markCounts, views.layout.slabs - 1, 1]],
  [
    "a pooled slab's free bits",
    "freeBits",
    ({ views }) => [views.freeBits, views.freeBits.length - 1, 1],
  ],
  [
    "a pooled slab's remote bits",
    "transit",
    ({ views }) => [
      views.words,
      views.layout.remoteBits + ((views.layout.slabs - 1) << FREE_WORDS_SHIFT),
      1,
    ],
  ],
  [
    "a pooled slab's headers",
    "headers",
    ({ views }) => [views.headers, (views.layout.slabs - 1) << 12, 5],
  ],
  ["headers of the metadata", "headers", ({ views }) => [views.headers, 7, 1]],
  ["a free bit of a live block", "freeBits", bits("live", "freeBits")],
  ["a free bit that is missing", "freeBits", bits("free", "freeBits")],
  ["a remote bit of a live block", "transit", bits("live", "remoteBits")],
  ["a remote bit that is missing", "transit", bits("sent", "remoteBits")],
  ["an outbox's count", "transit", ({ other }) => [other.meta, workerRegion.OUTBOX_COUNT, 0]],
  ["an outbox's sent", "transit", ({ other }) => [other.meta, workerRegion.OUTBOX_SENT, 1]],
  ["an outbox's entry", "transit", ({ other, live }) => [other.meta, workerRegion.OUTBOX, live]],
  [
    "an outbox's entry, a sent one",
    "transit",
    ({ other, sent }) => [other.meta, workerRegion.OUTBOX, sent],
  ],
  ["a class's slabs", "tiling", meta(classRecord.at(KIND_112) + classRecord.SLABS, 4)],
  [
    "a class's partial list",
    "partial",
    meta(classRecord.at(KIND_112) + classRecord.PARTIAL_HEAD, 0),
  ],
  ["the SLL's blocks", "cached", meta(superblock.SLL_BLOCKS, 30)],
  ["a chain's head", "cached", meta(frontCache.HEADS + KIND_112, 16)],
  ["a chain's room", "chains", meta(frontCache.ROOMS + KIND_112, 15)],
  ["the SLL's chains", "chains", meta(classRecord.at(KIND_112) + classRecord.SLL_CHAINS, 1)],
  [
    "a slot that is free",
    "owner",
    ({ views }) => [views.words, workerSlot.at(0) + workerSlot.STATE, 0x100],
  ],
  [
    "a slot whose outbox is full",
    "transit",
    ({ views }) => [views.words, workerSlot.at(1) + workerSlot.STATE, 0x100],
  ],
];

describe("verify of a shared heap", () => {
  beforeEach(() => {
    fixture = makeFixture();
  });

  it("holds for both workers, and with blocks everywhere", () => {
    const { a, b, live, marked, unsent, sent, free, cached, views } = fixture;
    a.verify();
    b.verify();
    const headers = [live, marked, unsent, sent, free, cached].map((ptr) =>
      at(views.headers, ptr >>> 4),
    );
    expect(headers).toEqual([0xc7, 0xc7, 7, 7, 0x47, 0x87]);
  });

  for (const [name, invariant, damage] of DAMAGES) {
    it(`finds ${name}`, () => {
      const { a, b } = fixture;
      const [words, index, value] = damage(fixture);
      const before = at(words, index);
      expect(value).not.toBe(before);
      words[index] = value;
      for (const heap of [a, b]) {
        const error = thrown(() => heap.verify(), "ERR_HEAP_CORRUPTED");
        expect(error.details.invariant, error.message).toBe(invariant);
      }
      words[index] = before;
      a.verify();
    });
  }

  it("finds a block in two outboxes", () => {
    const { a, views, other } = fixture;
    views.meta[workerRegion.OUTBOX] = at(other.meta, workerRegion.OUTBOX);
    views.meta[workerRegion.OUTBOX_COUNT] = 1;
    const error = thrown(() => a.verify(), "ERR_HEAP_CORRUPTED");
    expect(error.details.invariant).toBe("transit");
  });
});

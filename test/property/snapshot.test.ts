import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, HeapError } from "../../src/index.js";
import * as superblock from "../../src/layout/superblock.js";
import { runs, SEED } from "../support/tier.js";
import {
  CAPACITY_BYTES,
  exercise,
  heapErrorOnly,
  makeWornHeap,
  metadataWords,
  metaIndex,
  terminates,
  wordValue,
} from "./hostile.js";

const parameters = (all: number): fc.Parameters<unknown> => ({ numRuns: runs(all / 12, all) });

interface Damage {
  readonly index: number;
  readonly value: number;
  readonly bit: number;
}

/** Either a word overwritten, or (value null) one of its bits flipped. */
const damage: fc.Arbitrary<Damage> = fc.record({
  index: metaIndex,
  value: wordValue,
  bit: fc.integer({ min: -32, max: 31 }),
});

/** A copy of a heap's image with its metadata damaged. */
function damaged(seed: number, list: readonly Damage[], isDrained: boolean = false): ArrayBuffer {
  const { heap, metadataBytes } = makeWornHeap(seed);
  if (isDrained) heapErrorOnly(() => heap.drain());
  const buffer = (heap.buffer as ArrayBuffer).slice(0);
  const meta = metadataWords(buffer, metadataBytes);
  for (const { index, value, bit } of list) {
    const at = index % meta.length;
    meta[at] = bit < 0 ? value : (meta[at] as number) ^ (1 << bit);
  }
  return buffer;
}

function isBadImage(error: unknown): boolean {
  return error instanceof HeapError && error.code === "ERR_BAD_HEAP_IMAGE";
}

/** Opens what may be no heap: it is refused, or it is one. */
function openAndExercise(open: () => Heap, seed: number): void {
  let stage = "open";
  terminates(
    () => stage,
    () => {
      let heap: Heap;
      try {
        heap = open();
      } catch (error) {
        if (isBadImage(error)) return;
        throw error;
      }
      stage = "exercise";
      exercise(heap, seed);
    },
  );
}

describe("hostile images", () => {
  it("with damaged metadata are refused, or are heaps", () => {
    const damages = fc.array(damage, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.nat(), damages, (seed, list) => {
        const buffer = damaged(seed, list);
        openAndExercise(() => Heap.open(buffer), seed);
      }),
      parameters(1500),
    );
  });

  it("with a damaged header map are refused", () => {
    const header = fc.oneof(fc.nat(CAPACITY_BYTES / 16 - 1), fc.integer({ min: 8192, max: 40960 }));
    fc.assert(
      fc.property(fc.nat(), header, fc.integer({ min: 1, max: 255 }), (seed, index, flip) => {
        const buffer = damaged(seed, []);
        const bytes = new Uint8Array(buffer);
        bytes[index] = (bytes[index] as number) ^ flip;
        expect(() => Heap.open(buffer)).toThrow(
          expect.objectContaining({ code: "ERR_BAD_HEAP_IMAGE" }),
        );
      }),
      parameters(1000),
    );
  });

  it("cut short or made longer are refused", () => {
    const lengths = fc.oneof(fc.nat(CAPACITY_BYTES - 1), fc.integer({ min: 17, max: 40 }));
    fc.assert(
      fc.property(fc.nat(), lengths, (seed, length) => {
        const bytes = length < 41 && length > 16 ? length * 65536 : length;
        const buffer = new ArrayBuffer(bytes);
        const part = makeWornHeap(seed).heap.u8.subarray(0, bytes);
        new Uint8Array(buffer).set(part);
        expect(() => Heap.open(buffer)).toThrow(
          expect.objectContaining({ code: "ERR_BAD_HEAP_IMAGE" }),
        );
      }),
      parameters(200),
    );
  });

  it("said to be disposed, though they were not, are refused or are heaps", () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, isDrained) => {
        const buffer = damaged(seed, [{ index: superblock.CLOSED, value: 1, bit: -1 }], isDrained);
        openAndExercise(() => Heap.open(buffer), seed);
      }),
      parameters(300),
    );
  });
});

function snapshotOf(seed: number): Uint8Array<ArrayBuffer> {
  const { heap } = makeWornHeap(seed);
  return heapErrorOnly(() => heap.snapshot()) ?? Heap.open(heap.buffer).snapshot();
}

/** The snapshot's own checksum, as a forger would compute it: FNV-1a over the words after it. */
function forgeChecksum(words: Uint32Array): void {
  let hash = 0x811c9dc5;
  for (const word of words.subarray(5)) hash = Math.imul(hash ^ word, 0x01000193);
  words[4] = hash;
}

function refuses(snapshot: Uint8Array): void {
  expect(() => Heap.restore(snapshot)).toThrow(
    expect.objectContaining({ code: "ERR_BAD_HEAP_IMAGE" }),
  );
}

describe("hostile snapshots", () => {
  it("with any bit flipped are refused", () => {
    const snapshots = Array.from({ length: 12 }, (_, index) => snapshotOf(SEED + index));
    const place = fc.oneof(fc.nat(), fc.nat(600));
    fc.assert(
      fc.property(fc.nat(11), place, fc.nat(7), (which, at, bit) => {
        const copy = (snapshots[which] as Uint8Array).slice();
        copy[at % copy.length] = (copy[at % copy.length] as number) ^ (1 << bit);
        refuses(copy);
      }),
      parameters(1500),
    );
  });

  it("with every bit of their head flipped, cut short or made longer are refused", () => {
    const snapshot = snapshotOf(SEED);
    for (let bit = 0; bit < 8 * 200; bit++) {
      const copy = snapshot.slice();
      copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (1 << (bit & 7));
      refuses(copy);
    }
    for (let length = 0; length < 400; length++) refuses(snapshot.slice(0, length));
    for (let cut = 1; cut < 100; cut++) {
      refuses(snapshot.slice(0, snapshot.length - cut));
      const longer = new Uint8Array(snapshot.length + cut);
      longer.set(snapshot);
      refuses(longer);
    }
  });

  it("forged with a right checksum are refused, or are heaps", () => {
    const place = fc.oneof(fc.nat(), fc.nat(200), fc.integer({ min: 2, max: 5 }));
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.tuple(place, wordValue), { minLength: 1, maxLength: 3 }),
        (seed, list) => {
          const words = new Uint32Array(snapshotOf(seed).buffer);
          for (const [at, value] of list) words[at % words.length] = value;
          forgeChecksum(words);
          openAndExercise(() => Heap.restore(new Uint8Array(words.buffer)), seed);
        },
      ),
      parameters(500),
    );
  });

  it("are accepted from any kind of Uint8Array, wherever it starts", () => {
    for (let seed = 0; seed < runs(7, 20); seed++) {
      const snapshot = snapshotOf(seed);
      const offset = 1 + (seed % 7);
      const pooled = Buffer.alloc(snapshot.length + 16).fill(0xaa);
      pooled.set(snapshot, offset);
      const part = pooled.subarray(offset, offset + snapshot.length);
      exercise(Heap.restore(part), seed);
      exercise(
        Heap.restore(new Uint8Array(pooled.buffer, pooled.byteOffset + offset, part.length)),
        seed,
      );
    }
  });
});

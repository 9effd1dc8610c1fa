import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, type Ptr } from "../../src/index.js";
import {
  decodeTrace,
  encodeTrace,
  recorder,
  type Trace,
  TraceError,
} from "../../src/trace/index.js";
import { runs } from "../support/tier.js";

/** One capacity that is soon exhausted, and one that never is. */
const CAPACITY_BYTES = 2 ** 20;
const ROOMY_BYTES = 2 ** 26;
const [MALLOC, FREE, REALLOC] = [0, 1, 2];

function settings(all: number): { numRuns: number } {
  return { numRuns: runs(all / 8, all) };
}

interface Step {
  readonly kind: number;
  readonly pick: number;
  readonly size: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.nat(11),
  pick: fc.nat(0xffff),
  size: fc.oneof(fc.nat(300), fc.nat(70_000), fc.constantFrom(0, 1024, 65536, 2 ** 31 - 1)),
});

/** Makes a valid trace from drawn numbers. */
function traceOf(steps: readonly Step[]): Trace {
  const live: number[] = [];
  const words: number[] = [];
  let slotCount = 0;
  for (const { kind, pick, size } of steps) {
    const index = pick % Math.max(1, live.length);
    const slot = live[index];
    if (kind < 5 || slot === undefined) {
      live.push(slotCount);
      words.push((MALLOC << 30) | slotCount++, size);
    } else if (kind < 8) {
      words.push((REALLOC << 30) | slot, size);
    } else {
      live.splice(index, 1);
      words.push((FREE << 30) | slot, 0);
    }
  }
  return { eventCount: steps.length, slotCount, words: Int32Array.from(words) };
}

/** Checks an accepted trace in an independent way. */
function expectValid(trace: Trace, byteCount: number): void {
  expect(trace.words.length).toBe(2 * trace.eventCount);
  expect(byteCount).toBe(16 + 8 * trace.eventCount);
  const live = new Set<number>();
  for (let index = 0; index < trace.eventCount; index++) {
    const word = (trace.words[2 * index] as number) >>> 0;
    const op = Math.floor(word / 2 ** 30);
    const slot = word % 2 ** 30;
    expect(op).toBeLessThanOrEqual(REALLOC);
    expect(slot).toBeLessThan(trace.slotCount);
    expect(trace.words[2 * index + 1]).toBeGreaterThanOrEqual(0);
    if (op === MALLOC) expect(live.has(slot)).toBe(false);
    if (op === FREE) expect(live.delete(slot)).toBe(true);
    else live.add(slot);
  }
}

function decodeHostile(bytes: Uint8Array): void {
  let trace: Trace;
  try {
    trace = decodeTrace(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(TraceError);
    expect((error as TraceError).code).toBe("ERR_BAD_TRACE");
    return;
  }
  expectValid(trace, bytes.length);
}

describe("the format HKT1", () => {
  const trace = fc.array(step, { maxLength: 200, size: "max" }).map(traceOf);

  it("is read as it was written, at any place in a buffer", () => {
    const property = fc.property(trace, fc.nat(7), (drawn, offset) => {
      const bytes = encodeTrace(drawn);
      const shifted = new Uint8Array(bytes.length + 8).subarray(offset, offset + bytes.length);
      shifted.set(bytes);
      const read = decodeTrace(shifted);
      expect(read).toEqual(drawn);
      expect(encodeTrace(read)).toEqual(bytes);
    });
    fc.assert(property, settings(300));
  });

  it("refuses random bytes", () => {
    const head = Uint8Array.from([0x48, 0x4b, 0x54, 0x31]);
    const property = fc.property(
      fc.uint8Array({ maxLength: 400, size: "max" }),
      fc.boolean(),
      (bytes, hasMagic) => {
        if (hasMagic && bytes.length >= 4) bytes.set(head);
        decodeHostile(bytes);
      },
    );
    fc.assert(property, settings(2000));
  });

  it("refuses a trace that is cut anywhere, or has bytes behind it", () => {
    const short = fc.array(step, { minLength: 1, maxLength: 20 }).map(traceOf);
    const property = fc.property(short, (drawn) => {
      const bytes = encodeTrace(drawn);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decodeTrace(bytes.subarray(0, length))).toThrow(TraceError);
      }
      const longer = new Uint8Array(bytes.length + 8);
      longer.set(bytes);
      expect(() => decodeTrace(longer)).toThrow(TraceError);
    });
    fc.assert(property, settings(50));
  });

  it("refuses impossible events, whichever words are changed", () => {
    const word = fc.oneof(fc.integer(), fc.nat(40), fc.constantFrom(-1, 1 << 30, 2 << 30, 3 << 30));
    const flips = fc.array(fc.tuple(fc.nat(), word), { minLength: 1, maxLength: 3 });
    const property = fc.property(trace, flips, (drawn, drawnFlips) => {
      const bytes = encodeTrace(drawn);
      const words = new Int32Array(bytes.buffer);
      for (const [at, value] of drawnFlips) words[at % words.length] = value;
      decodeHostile(bytes);
    });
    fc.assert(property, settings(2000));
  });

  it("takes no memory for the events that a head claims", () => {
    for (const [events, slots] of [
      [0xffffffff, 0xffffffff],
      [0x20000000, 1],
      [1, 0xffffffff],
      [0, 0xffffffff],
      [0x1fffffff, 0x3fffffff],
    ] as const) {
      for (const length of [16, 24, 32]) {
        const bytes = new Uint8Array(length);
        new Uint32Array(bytes.buffer).set([0x31544b48, events, slots, 0]);
        const before = process.memoryUsage().arrayBuffers;
        expect(() => decodeTrace(bytes)).toThrow(TraceError);
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
      }
    }
  });
});

/** Runs a program of drawn steps, which counts its live blocks itself. */
function runProgram(heap: Heap, steps: readonly Step[], blocks: Set<Ptr>): void {
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch {
      // Exhausted, or misused on purpose.
    }
  };
  for (const { kind, pick, size } of steps) {
    const ptr = ([...blocks][pick % Math.max(1, blocks.size)] ?? 0) as Ptr;
    const out: Ptr[] = [];
    const count = pick % 5;
    const add = (made: Ptr): unknown => made !== 0 && blocks.add(made);
    const replace = (made: Ptr): void => {
      blocks.delete(ptr);
      blocks.add(made);
    };
    const actions: (() => void)[] = [
      () => add(heap.malloc(size)),
      () => add(heap.tryMalloc(size)),
      () => add(heap.calloc(size)),
      () => add(heap.alignedAlloc(2 ** (pick % 10), size)),
      () => {
        heap.mallocBatch(size, count, out);
        for (const made of out) add(made);
      },
      () => replace(heap.realloc(ptr, size)),
      () => replace(heap.realloc(ptr, size >> 4)),
      () => {
        heap.free(ptr);
        blocks.delete(ptr);
      },
      () => {
        const some = [...blocks].slice(0, count);
        heap.freeBatch([...some, 0 as Ptr], some.length + 1);
        for (const freed of some) blocks.delete(freed);
      },
      () => heap.freeBatch([ptr, ptr], ptr === 0 ? 0 : 2),
      () => heap.free((ptr + 8) as Ptr),
      () => {
        if (pick % 4 !== 0) return;
        heap.reset();
        blocks.clear();
      },
    ];
    attempt(actions[kind] as () => void);
  }
}

/** Returns every live block of a replay, by slot. */
function replay(heap: Heap, trace: Trace): Ptr[] {
  const ptrs: Ptr[] = Array(trace.slotCount).fill(0);
  for (let index = 0; index < trace.words.length; index += 2) {
    const word = trace.words[index] as number;
    const size = trace.words[index + 1] as number;
    const slot = word & 0x3fffffff;
    const ptr = ptrs[slot] as Ptr;
    const isFree = word >>> 30 === FREE;
    if (isFree) heap.free(ptr);
    ptrs[slot] = isFree ? (0 as Ptr) : heap.realloc(ptr, size);
  }
  return ptrs.filter((ptr) => ptr !== 0);
}

const ascending = (a: number, b: number): number => a - b;

describe("a recording", () => {
  const program = fc.array(step, { maxLength: 150, size: "max" });

  it("of a fresh heap, replayed, leaves blocks of the same sizes", () => {
    const property = fc.property(program, (steps) => {
      const heap = Heap.create({ capacity: ROOMY_BYTES });
      const recording = recorder(heap);
      const blocks = new Set<Ptr>();
      runProgram(heap, steps, blocks);
      const copy = Heap.create({ capacity: ROOMY_BYTES });
      const replayed = replay(copy, decodeTrace(recording.toBytes()));
      const usable = [...blocks].map((ptr) => heap.usableSize(ptr)).sort(ascending);
      expect(replayed.map((ptr) => copy.usableSize(ptr)).sort(ascending)).toEqual(usable);
      expect(copy.stats().live).toEqual(heap.stats().live);
    });
    fc.assert(property, settings(100));
  });

  // If memory is short, a block may be larger, because a realloc to less stays in place.
  it("of a heap that runs out of memory, replayed, leaves as many blocks", () => {
    const property = fc.property(program, (steps) => {
      const heap = Heap.create({ capacity: CAPACITY_BYTES });
      const recording = recorder(heap);
      const blocks = new Set<Ptr>();
      runProgram(heap, steps, blocks);
      const copy = Heap.create({ capacity: ROOMY_BYTES });
      expect(replay(copy, decodeTrace(recording.toBytes())).length).toBe(blocks.size);
      expect(heap.stats().live.blocks).toBe(blocks.size);
      heap.verify();
    });
    fc.assert(property, settings(100));
  });

  it("of a heap in use is valid, and changes nothing of what the heap does", () => {
    const property = fc.property(program, program, (before, after) => {
      const results = [false, true].map((isRecorded) => {
        const heap = Heap.create({ capacity: CAPACITY_BYTES });
        const blocks = new Set<Ptr>();
        runProgram(heap, before, blocks);
        const recording = isRecorded ? recorder(heap) : undefined;
        runProgram(heap, after, blocks);
        if (recording !== undefined) decodeHostile(recording.toBytes());
        return [...blocks];
      });
      expect(results[1]).toEqual(results[0]);
    });
    fc.assert(property, settings(100));
  });
});

import * as classRecord from "../../../src/layout/classRecord.js";
import * as frontCache from "../../../src/layout/frontCache.js";
import { CACHED, FREE, LIVE, toHeader } from "../../../src/layout/header.js";
import { CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at } from "../help.js";
import { byteOf, field, ofClass, type Town } from "./corrupt.js";

const { PARTIAL_HEAD, SLABS, SLL_CHAINS, SLL_HEAD } = classRecord;
const { HEADS, ROOMS } = frontCache;
const { CARVED, CURSOR, FREE_COUNT, KIND, NEXT, PREV, RUN, SPAN_BYTES, TOUCHED } = slabRecord;
const { BINS, BIN_MAP, FIRST_SLAB, SLL_BLOCKS, TOUCHED_PAGES, WILDERNESS } = superblock;

/** What is changed, the invariant that must break, and where; the found value is checked too. */
export type Corruption = [
  invariant: string,
  what: string,
  change: (t: Town) => void,
  address: (t: Town) => number,
  found?: (t: Town) => unknown,
];

const set = (index: (t: Town) => number, value: number | ((t: Town) => number)) => (t: Town) => {
  t.meta[index(t)] = typeof value === "number" ? value : value(t);
};
const add = (index: (t: Town) => number, value: number) => (t: Town) => {
  t.meta[index(t)] = at(t.meta, index(t)) + value;
};
const header = (ptr: (t: Town) => number, value: (t: Town) => number) => (t: Town) => {
  t.headers[ptr(t) >>> 4] = value(t);
};

const nowhere = (): number => 0;
export const smallByte = (t: Town): number => byteOf(t.smallSlab);
const poolByte = (t: Town): number => byteOf(t.poolSlab);
const span = (t: Town): number => t.span;
const spanSlab = (t: Town): number => t.span / 65536;
const gapByte = (t: Town): number => byteOf(t.freeRun);
const gapBin = (): number => BINS + 1;
const block = (index: number) => (t: Town) => at(t.small, index);
const firstByte = (t: Town): number => byteOf(at(t.meta, FIRST_SLAB));
const wildByte = (t: Town): number => byteOf(at(t.meta, WILDERNESS));
/** The chain of the small class: 54 blocks, by address. */
const headAt = (t: Town): number => HEADS + t.smallClass;
const roomAt = (t: Town): number => ROOMS + t.smallClass;
const head = (t: Town): number => at(t.meta, headAt(t));
const second = (t: Town): number => at(t.views.i32, head(t) >> 2);
const lastOfChain = (t: Town): number => smallByte(t) + 63 * 64;
const link = (ptr: (t: Town) => number, value: (t: Town) => number) => (t: Town) => {
  t.views.i32[ptr(t) >> 2] = value(t);
};

const RUNS: Corruption[] = [
  ["tiling", "wilderness past the end", set(() => WILDERNESS, 33), nowhere, () => 33],
  ["tiling", "wilderness below the slabs", set(() => WILDERNESS, 1), nowhere, () => 1],
  ["tiling", "a run of 0", set((t) => field(spanSlab(t), RUN), 0), span, () => 0],
  ["tiling", "a negative run", set((t) => field(spanSlab(t), RUN), -4), span, () => -4],
  ["tiling", "a run too long", set((t) => field(spanSlab(t), RUN), 999), span, () => 999],
  ["tiling", "a slab of two", set((t) => field(t.smallSlab, RUN), 2), smallByte, () => 2],
  [
    "tiling",
    "no kind of slab",
    set((t) => field(t.smallSlab, KIND), CLASS_COUNT + 1),
    smallByte,
    () => CLASS_COUNT + 1,
  ],
  ["tiling", "negative kind", set((t) => field(t.smallSlab, KIND), -1), smallByte, () => -1],
  ["tiling", "free run cut", set((t) => field(t.freeRun, RUN), 1), (t) => gapByte(t) + 65536],
  ["tiling", "its end's kind", set((t) => field(t.freeRun + 1, KIND), 4), gapByte, () => 4],
  ["tiling", "its end's length", set((t) => field(t.freeRun + 1, RUN), 9), gapByte, () => 9],
  ["tiling", "class slabs", add((t) => ofClass(t.smallClass, SLABS), 1), firstByte, () => 2],
  ["span", "too few bytes", set((t) => field(spanSlab(t), SPAN_BYTES), 65536), span, () => 1],
  ["span", "no granules", set((t) => field(spanSlab(t), SPAN_BYTES), 200_007), span, () => 7],
  ["span", "a slab too many", set((t) => field(spanSlab(t), SPAN_BYTES), 65552), span, () => 2],
  ["span", "too many bytes", set((t) => field(spanSlab(t), SPAN_BYTES), 262160), span],
  ["span", "no tail", set((t) => field(spanSlab(t) + 3, KIND), 0), span, () => 0],
  ["carved", "none", set((t) => field(t.smallSlab, CARVED), 0), smallByte, () => 0],
  ["carved", "too many", set((t) => field(t.smallSlab, CARVED), 1025), smallByte, () => 1025],
  ["touched", "the sum", add(() => TOUCHED_PAGES, 1), nowhere],
  ["touched", "slab untouched", set((t) => field(t.smallSlab, TOUCHED), 1), smallByte, () => 1],
  ["touched", "more than a slab", set((t) => field(t.smallSlab, TOUCHED), 69632), smallByte],
  ["touched", "span untouched", set((t) => field(spanSlab(t) + 1, TOUCHED), 4096), span],
  ["touched", "free, too much", set((t) => field(t.freeRun, TOUCHED), 69632), gapByte],
  ["touched", "negative", set((t) => field(t.freeRun, TOUCHED), -4096), gapByte, () => -4096],
  ["touched", "in the wilderness", set((t) => field(at(t.meta, WILDERNESS), TOUCHED), 1), wildByte],
];

const HEADERS: Corruption[] = [
  [
    "headers",
    "in the metadata",
    header(
      () => 4096,
      () => 0xc1,
    ),
    () => 4096,
    () => 0xc1,
  ],
  [
    "headers",
    "of null",
    header(
      () => 0,
      () => 0x41,
    ),
    () => 0,
    () => 0x41,
  ],
  [
    "headers",
    "below slabs",
    header(
      (t) => firstByte(t) - 16,
      () => 1,
    ),
    (t) => firstByte(t) - 16,
  ],
  ["headers", "in the wilderness", header(wildByte, () => 0xc1), wildByte, () => 0xc1],
  [
    "headers",
    "of the last granule",
    header(
      () => 2 ** 21 - 16,
      () => 1,
    ),
    () => 2 ** 21 - 16,
  ],
  [
    "headers",
    "in a free run",
    header(
      (t) => gapByte(t) + 80000,
      () => 0x41,
    ),
    (t) => gapByte(t) + 80000,
  ],
  [
    "headers",
    "inside a span",
    header(
      (t) => t.span + 16,
      () => 1,
    ),
    (t) => t.span + 16,
  ],
  [
    "headers",
    "at its end",
    header(
      (t) => t.span + 262128,
      () => 1,
    ),
    (t) => t.span + 262128,
  ],
  ["headers", "a free span's", header(span, () => toHeader(FREE, 63)), span, () => 0x7f],
  ["headers", "a span without", header(span, () => 0), span, () => 0],
  [
    "headers",
    "inside a block",
    header(
      (t) => block(3)(t) + 48,
      () => 1,
    ),
    (t) => block(3)(t) + 48,
  ],
  ["headers", "another class", header(block(3), (t) => LIVE | (t.smallClass + 1)), block(3)],
  ["headers", "a block without", header(block(3), () => 0), block(3), () => 0],
  ["headers", "no state", header(block(3), (t) => t.smallClass), block(3), (t) => t.smallClass],
  [
    "headers",
    "beyond the frontier",
    header(
      (t) => smallByte(t) + 4096,
      (t) => FREE | t.smallClass,
    ),
    (t) => smallByte(t) + 4096,
  ],
  ["freeCount", "one more", add((t) => field(t.poolSlab, FREE_COUNT), 1), poolByte, () => 2],
  ["freeCount", "one less", add((t) => field(t.poolSlab, FREE_COUNT), -1), poolByte, () => 0],
  [
    "freeCount",
    "a header",
    header(
      (t) => t.pool,
      (t) => FREE | t.poolClass,
    ),
    poolByte,
    () => 1,
  ],
  ["freeCount", "cursor < 0", set((t) => field(t.poolSlab, CURSOR), -2048), poolByte, () => -2048],
  ["freeCount", "cursor > slab", set((t) => field(t.poolSlab, CURSOR), 67584), poolByte],
  ["freeCount", "cursor inside", set((t) => field(t.poolSlab, CURSOR), 16), poolByte, () => 16],
];

const CACHES: Corruption[] = [
  ["cached", "in no chain", header(block(3), (t) => CACHED | t.smallClass), nowhere, () => 54],
  ["cached", "live, in one", header(head, (t) => LIVE | t.smallClass), head],
  ["cached", "the block twice", link(second, head), head, () => "the block twice"],
  ["cached", "another block", set(headAt, block(1)), block(1)],
  ["cached", "not a ptr", link(head, () => 7), () => 7, () => undefined],
  ["cached", "a negative ptr", link(head, () => -16), () => -16, () => undefined],
  ["cached", "far off", link(head, () => 2 ** 30), () => 2 ** 30, () => undefined],
  ["cached", "another class's", link(head, (t) => t.pool), (t) => t.pool],
  ["cached", "SLL blocks", add(() => SLL_BLOCKS, 1), nowhere, () => 1],
  ["chains", "cut", link(head, nowhere), nowhere, () => "1 blocks"],
  ["chains", "no head", set(headAt, 0), nowhere, () => "0 blocks"],
  ["chains", "a block more", add(roomAt, 1), lastOfChain, () => "a longer chain"],
  ["chains", "a block less", add(roomAt, -1), nowhere, () => "54 blocks"],
  ["chains", "no room for it", set(roomAt, -1), nowhere, () => -1],
  ["chains", "room above the cap", set(roomAt, 255), nowhere, () => 255],
  ["chains", "of no class", set(() => HEADS, 64), nowhere, () => 64],
  ["chains", "room for no class", set(() => ROOMS + 63, 1), nowhere, () => 1],
  ["chains", "SLL empty", set((t) => ofClass(t.smallClass, SLL_CHAINS), 1), nowhere],
  ["chains", "SLL of -1", set((t) => ofClass(t.smallClass, SLL_CHAINS), -1), nowhere, () => -1],
  ["chains", "SLL not counted", set((t) => ofClass(t.smallClass, SLL_HEAD), head), nowhere, head],
  [
    "cached",
    "a chain on the SLL",
    (t) => {
      t.meta[ofClass(t.smallClass, SLL_CHAINS)] = 1;
      t.meta[ofClass(t.smallClass, SLL_HEAD)] = head(t);
    },
    head,
    () => "the block twice",
  ],
];

const LISTS: Corruption[] = [
  ["partial", "empty", set((t) => ofClass(t.smallClass, PARTIAL_HEAD), 0), nowhere],
  [
    "partial",
    "head far off",
    set((t) => ofClass(t.smallClass, PARTIAL_HEAD), 12345),
    () => byteOf(12345),
  ],
  ["partial", "prev", set((t) => field(t.smallSlab, PREV), 7), smallByte, () => 7],
  [
    "partial",
    "a circle",
    set(
      (t) => field(t.smallSlab, NEXT),
      (t) => t.smallSlab,
    ),
    smallByte,
  ],
  ["partial", "a span", set((t) => field(t.smallSlab, NEXT), spanSlab), span],
  [
    "partial",
    "another class's",
    set(
      (t) => ofClass(t.smallClass, PARTIAL_HEAD),
      (t) => t.poolSlab,
    ),
    poolByte,
  ],
  ["bins", "no mark", set(() => BIN_MAP, 0), nowhere, () => 0],
  ["bins", "a mark too many", set(() => BIN_MAP + 1, 1), nowhere, () => 1],
  ["bins", "the last mark", set(() => BIN_MAP + 1, 1 << 31), nowhere, () => 1],
  ["bins", "head far off", set(gapBin, 12345), () => byteOf(12345)],
  ["bins", "a slab in use", set(gapBin, (t) => t.smallSlab), smallByte],
  ["bins", "prev", set((t) => field(t.freeRun, PREV), 7), gapByte, () => 7],
  [
    "bins",
    "a circle",
    set(
      (t) => field(t.freeRun, NEXT),
      (t) => t.freeRun,
    ),
    gapByte,
  ],
  [
    "bins",
    "lost",
    (t) => t.meta.fill(0, BIN_MAP, BIN_MAP + 1) && t.meta.fill(0, BINS, BINS + 2),
    nowhere,
    () => 1,
  ],
  [
    "bins",
    "the bin of another length",
    (t) => t.meta.set([t.freeRun, 0], BINS) ?? set(() => BIN_MAP, 1)(t),
    gapByte,
    () => 1,
  ],
];

export const CORRUPTIONS: readonly Corruption[] = [...RUNS, ...HEADERS, ...CACHES, ...LISTS];

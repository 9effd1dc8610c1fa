import { staticAssert } from "../base/assert.js";
import { OPTION_TABLE } from "../config/options.js";
import * as cachedBlock from "./cachedBlock.js";
import * as classCounters from "./classCounters.js";
import * as classRecord from "./classRecord.js";
import * as frontCache from "./frontCache.js";
import { CACHED, GRANULE_BYTES, LIVE } from "./header.js";
import * as heapCounters from "./heapCounters.js";
import * as sharedSuperblock from "./sharedSuperblock.js";
import * as slabRecord from "./slabRecord.js";
import * as superblock from "./superblock.js";
import * as workerRegion from "./workerRegion.js";
import * as workerSlot from "./workerSlot.js";

/*
 * Every record of a heap image, read from the modules that draw them, and the checks that no two
 * words of a record overlap and that records stand one after another. Nothing that a program ships
 * imports this: the sources and the build do, through fingerprint.ts.
 *
 * A module's numbers are its words, except START, INTS, SHIFT, COUNT, DOUBLES and END. A word that
 * has several of them says how many in a name that ends in _INTS.
 */

/** A word, or several that have one name: relative to the record's first. */
export interface Word {
  readonly name: string;
  readonly at: number;
  readonly length: number;
}

export interface RecordKind {
  readonly name: string;
  /** Where the first record of the kind stands. */
  readonly start: number;
  /** Words of one record; of counters, doubles. */
  readonly length: number;
  readonly words: readonly Word[];
  /** Words without a name, as ranges: `2 8-15`. */
  readonly free: string;
}

type Numbers = Readonly<Record<string, unknown>>;

const NO_WORDS: readonly string[] = ["START", "INTS", "SHIFT", "COUNT", "DOUBLES", "END"];

/** Words that lie in another on purpose: an option in OPTIONS, what a span has in its place. */
const INSIDE: Readonly<Record<string, string>> = {
  DRAIN_INTERVAL: "OPTIONS",
  SPAN_BYTES: "FREE_COUNT",
};

/** Returns the numbers that a module exports, by name and in the order of the names. */
export function numbersOf(module: Numbers): [name: string, value: number][] {
  return Object.entries(module)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Reads a record from its module. The words of a record of which there is one in a heap are indices
 * into the metadata; those of the others count from the record's start.
 */
export function readRecord(
  name: string,
  module: Numbers & { readonly START?: number; readonly INTS?: number; readonly DOUBLES?: number },
  { isOne = false, free = "" }: { isOne?: boolean; free?: string } = {},
): RecordKind {
  const { START: start = 0 } = module;
  const words = numbersOf(module)
    .filter(([word]) => !NO_WORDS.includes(word) && !word.endsWith("_INTS"))
    .map(([word, at]) => {
      const ints = module[`${word}_INTS`];
      const length = typeof ints === "number" ? ints : 1;
      return { name: word, at: isOne ? at - start : at, length };
    });
  return { name, start, length: module.INTS ?? module.DOUBLES ?? 0, words, free };
}

/** Returns what is wrong with the words of a record, or nothing. */
export function findOverlaps({ name, length, words, free }: RecordKind): string[] {
  const owners = new Map<number, string>();
  const problems: string[] = [];
  for (const word of words) {
    const outer = words.find((other) => other.name === INSIDE[word.name]);
    if (word.at < 0 || word.at + word.length > length) {
      problems.push(`${name}.${word.name} is beyond the record's ${length} words`);
    }
    if (outer !== undefined) {
      const isInside = word.at >= outer.at && word.at < outer.at + outer.length;
      if (!isInside) problems.push(`${name}.${word.name} is not in ${outer.name}`);
      continue;
    }
    for (let at = word.at; at < word.at + word.length; at++) {
      const owner = owners.get(at);
      if (owner !== undefined) problems.push(`${name}.${word.name} overlaps ${owner}, at ${at}`);
      owners.set(at, word.name);
    }
  }
  const found = rangesOf(length, owners);
  if (found !== free) problems.push(`${name} has the free words ${found}, not ${free}`);
  return problems;
}

/** Returns what no word has of a record, as ranges. */
function rangesOf(length: number, owners: ReadonlyMap<number, string>): string {
  const ranges: string[] = [];
  for (let at = 0; at < length; at++) {
    if (owners.has(at)) continue;
    const start = at;
    while (at + 1 < length && !owners.has(at + 1)) at++;
    ranges.push(start === at ? `${start}` : `${start}-${at}`);
  }
  return ranges.join(" ");
}

/** The records of one heap, and of a worker's region in a shared one. */
const OF_A_HEAP: readonly RecordKind[] = [
  readRecord("superblock", superblock, { isOne: true, free: "13-15 96-127" }),
  readRecord("frontCache", frontCache, { isOne: true }),
  readRecord("classRecord", classRecord, { free: "6-7" }),
  readRecord("heapCounters", heapCounters, { free: "3" }),
  readRecord("classCounters", classCounters),
];
const SLAB_RECORD: RecordKind = readRecord("slabRecord", slabRecord);
const SHARED: readonly RecordKind[] = [
  readRecord("sharedSuperblock", sharedSuperblock, {
    isOne: true,
    free: "1-15 20-31 34-47 50-63",
  }),
  readRecord("workerSlot", workerSlot, { free: "7" }),
];
const WORKER_REGION: RecordKind = readRecord("workerRegion", workerRegion, {
  isOne: true,
  free: "3-15",
});
const CACHED_BLOCK: RecordKind = readRecord("cachedBlock", cachedBlock, { free: "2-3" });

/** Every record of an image, of a heap and of a shared heap. */
export const RECORDS: readonly RecordKind[] = [
  ...OF_A_HEAP,
  SLAB_RECORD,
  ...SHARED,
  WORKER_REGION,
  CACHED_BLOCK,
];

/** Where each record must start, because the one before it ends there. */
const PLACES: readonly (readonly [record: string, start: number, end: number])[] = [
  ["frontCache", frontCache.START, superblock.START + superblock.INTS],
  ["classRecord", classRecord.START, frontCache.START + frontCache.INTS],
  ["heapCounters", heapCounters.START, classRecord.at(classRecord.COUNT)],
  ["classCounters", classCounters.START, heapCounters.START + 2 * heapCounters.DOUBLES],
  ["slabRecord", slabRecord.START, heapCounters.START + 2 * classCounters.END],
  ["workerRegion", workerRegion.START, heapCounters.START + 2 * classCounters.END],
  ["sharedSuperblock", sharedSuperblock.START, superblock.START + superblock.INTS],
  ["workerSlot", workerSlot.START, sharedSuperblock.START + sharedSuperblock.INTS],
];

for (const record of RECORDS) {
  const problems = findOverlaps(record);
  staticAssert(problems.length === 0, problems.join("; "));
}
for (const [record, start, end] of PLACES) {
  staticAssert(start === end, `${record}.START is ${start}, and the record before ends at ${end}`);
}
staticAssert(frontCache.ROOMS === CACHED && frontCache.HEADS === LIVE, "a header is an index");
staticAssert(cachedBlock.INTS * 4 === GRANULE_BYTES, "the smallest block has both links");
staticAssert(heapCounters.START % 2 === 0 && slabRecord.START % 8 === 0, "records are aligned");
staticAssert(sharedSuperblock.START % 16 === 0 && workerSlot.INTS === 16, "slots are cache lines");
staticAssert(slabRecord.INTS === 1 << slabRecord.SHIFT, "a slab record is 1 << SHIFT words");
staticAssert(workerSlot.INTS === 1 << workerSlot.SHIFT, "a slot is 1 << SHIFT words");
staticAssert(classCounters.at(1) === heapCounters.DOUBLES, "class 1 follows the heap's counters");
staticAssert(classCounters.at(classRecord.COUNT) === classCounters.END, "END is one past the last");
staticAssert(OPTION_TABLE.length <= superblock.OPTIONS_INTS, "the options have their words");
staticAssert(
  OPTION_TABLE[superblock.DRAIN_INTERVAL - superblock.OPTIONS]?.name === "sllDrainInterval",
  "options keep their order",
);

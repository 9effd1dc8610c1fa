import type { Mutant } from "./mutate.js";

/** A mutant, or several alike, that no test can tell from the sources. */
export interface Equivalent {
  readonly file: string;
  readonly within: string;
  /** The lines that are changed, as `--one` shows them. */
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

const NO_CLASS =
  "the table has no header for what is no size of a class, and no block has the header undefined";

/** What follows the states of slabs is the summary of slab 0, which is metadata. */
const AFTER_STATES = "the word after the last state is always 0, the state of a free slab";
const WALKS = [
  ["src/heap/recover.ts", "mendSpans"],
  ["src/heap/recover.ts", "recoverOne"],
  ["src/heap/handOver.ts", "disown"],
  ["src/central/remote.ts", "adopt"],
] as const;

export const EQUIVALENTS: readonly Equivalent[] = [
  ...WALKS.map(([file, within]) => ({
    file,
    within,
    before: "for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {",
    after: "for (let slab = layout.firstSlab; slab <= layout.slabs; slab++) {",
    reason: AFTER_STATES,
  })),
  ...["bindMalloc.malloc", "bindOwnMalloc.malloc"].map((within) => ({
    file: "src/front/hot.ts",
    within,
    before: "if (last < LAST_GRANULES) {",
    after: "if (last <= LAST_GRANULES) {",
    reason: NO_CLASS,
  })),
  {
    file: "src/front/slow.ts",
    within: "freeSlow",
    before: "if (!(liveHeader > LIVE)) throw notLive(views, ptr);",
    after: "if (!(liveHeader >= LIVE)) throw notLive(views, ptr);",
    reason: "no header is LIVE alone, because no block has class 0",
  },
  {
    file: "src/front/realloc.ts",
    within: "bindRealloc.realloc",
    before:
      "const isSameClass = liveHeaders[(size + GRANULE_BYTES - 1) >>> GRANULE_SHIFT] " +
      "=== liveHeader;",
    after:
      "const isSameClass = liveHeaders[(size + GRANULE_BYTES - 0) >>> GRANULE_SHIFT] " +
      "=== liveHeader;",
    reason: "it differs for sizes that are at least half of the block only, and those stay anyway",
  },
  {
    file: "src/front/realloc.ts",
    within: "bindRealloc.realloc",
    before: "if (bytes > WORD_COPY_MAX_BYTES) {",
    after: "if (bytes <= WORD_COPY_MAX_BYTES) {",
    reason: "both ways copy the same bytes; one is faster for few",
  },
  {
    file: "src/layout/records.ts",
    within: "",
    before: 'readRecord("superblock", superblock, { isOne: true, free: "13-15 96-127" }),',
    after: 'readRecord("superblock", superblock, { isOne: false, free: "13-15 96-127" }),',
    reason: "the superblock starts at word 0, so its words count from both starts",
  },
];

/** Returns why a mutant does what the sources do, or undefined if it is not known to. */
export function reasonOf(mutant: Mutant): string | undefined {
  return EQUIVALENTS.find((equivalent) => matches(equivalent, mutant))?.reason;
}

export function matches(equivalent: Equivalent, mutant: Mutant): boolean {
  const { file, within, before, after } = mutant;
  const isPlace = equivalent.file === file && equivalent.within === within;
  return isPlace && equivalent.before === before && equivalent.after === after;
}

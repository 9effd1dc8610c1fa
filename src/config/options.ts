import { HeapError, show } from "../base/errors.js";

/** A heap has its metadata and a few slabs at the least; a ptr is a positive int32. */
export const MIN_CAPACITY_BYTES = 524288;
export const MAX_CAPACITY_BYTES: number = 2 ** 31 - 65536;
export const MAX_FAST_CAP = 1022;

/** How a heap behaves. All are read once, when the heap is created, and kept in its image. */
export interface HeapOptions {
  /** Bytes of the whole buffer; reserved at once, committed where touched. */
  capacity: number;
  /** Blocks freed onto the SLL between two drains; 0 drains only on demand. */
  sllDrainInterval: number;
  /** Front-cache entries: blocks of a class that are cached before they go on the SLL. */
  fastCap: number;
  /** Blocks taken by a refill of a class of at most 256 bytes. */
  refillCountHot: number;
  /** Blocks taken by a refill of a larger class. */
  refillCountMid: number;
  /** false routes tiny sizes to the pool tier, for comparison. */
  wrapTiny: boolean;
  /** Counts front-cache hits and misses per class. */
  frontStats: boolean;
  /** Fills every block with 0xde when it is freed, but for its first 8 bytes. */
  safeFree: boolean;
}

/** One row of the table from which the parser, the help text and the docs derive. */
export interface OptionRow {
  readonly name: keyof HeapOptions;
  /** The environment variable, if the option has one. */
  readonly env: string;
  readonly type: "integer" | "switch";
  readonly default: number;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
}

function integer(
  name: keyof HeapOptions,
  env: string,
  fallback: number,
  unit: string,
  min: number,
  max: number,
): OptionRow {
  return { name, env, type: "integer", default: fallback, unit, min, max };
}

function toggle(name: keyof HeapOptions, env: string, fallback: number): OptionRow {
  return { name, env, type: "switch", default: fallback, unit: "0 or 1", min: 0, max: 1 };
}

/** The options, in the order in which the superblock keeps them. */
export const OPTION_TABLE: readonly OptionRow[] = [
  integer(
    "capacity",
    "HAKMEM_CAPACITY",
    256 * 2 ** 20,
    "bytes",
    MIN_CAPACITY_BYTES,
    MAX_CAPACITY_BYTES,
  ),
  integer("sllDrainInterval", "HAKMEM_TINY_SLL_DRAIN_INTERVAL", 1024, "frees", 0, 2 ** 30),
  integer("fastCap", "HAKMEM_TINY_FAST_CAP", 254, "blocks", 1, MAX_FAST_CAP),
  integer("refillCountHot", "HAKMEM_TINY_REFILL_COUNT_HOT", 64, "blocks", 1, MAX_FAST_CAP),
  integer("refillCountMid", "HAKMEM_TINY_REFILL_COUNT_MID", 32, "blocks", 1, MAX_FAST_CAP),
  toggle("wrapTiny", "HAKMEM_WRAP_TINY", 1),
  toggle("frontStats", "HAKMEM_FRONT_STATS", 0),
  toggle("safeFree", "HAKMEM_SAFE_FREE", 0),
];

/**
 * What each option does, for help texts: apart from the table, so that programs need not ship it.
 */
export const OPTION_SENTENCES: Readonly<Record<keyof HeapOptions, string>> = {
  capacity: "Size of the whole heap; rounded up to a multiple of 65536.",
  sllDrainInterval:
    "Blocks on the SLL that make it drain; 0 drains only on demand and before a slab is opened.",
  fastCap: "Blocks of one class that the front cache holds; more go on the SLL.",
  refillCountHot: "Blocks taken by one refill of a class of at most 256 bytes.",
  refillCountMid: "Blocks taken by one refill of a larger class.",
  wrapTiny: "0 routes tiny sizes to the pool tier, for comparison.",
  frontStats: "1 counts front-cache hits and misses per class.",
  safeFree: "1 fills every freed block with 0xde, except its first 8 bytes.",
};

function accepted(row: OptionRow): string {
  return row.type === "switch"
    ? "0 or 1"
    : `an integer from ${row.min} to ${row.max} (${row.unit})`;
}

function reject(row: OptionRow, name: string, got: unknown): never {
  throw new HeapError("ERR_INVALID_OPTION", `${name} is ${show(got)}; it takes ${accepted(row)}`, {
    option: name,
    got,
    min: row.min,
    max: row.max,
  });
}

function unknown(option: string, kind: string, accepted: readonly string[]): HeapError {
  const message = `${option} is no ${kind}; the ${kind}s are ${accepted.join(", ")}`;
  return new HeapError("ERR_INVALID_OPTION", message, { option, accepted });
}

function checkNumber(row: OptionRow, name: string, value: unknown): number {
  const ok =
    Number.isInteger(value) && (value as number) >= row.min && (value as number) <= row.max;
  return ok ? (value as number) : reject(row, name, value);
}

function withDefaults(): HeapOptions {
  const options: Record<string, number | boolean> = {};
  for (const row of OPTION_TABLE)
    options[row.name] = row.type === "switch" ? row.default === 1 : row.default;
  return options as unknown as HeapOptions;
}

/**
 * Fills in the defaults and checks every value.
 * @throws {HeapError} ERR_INVALID_OPTION for an unknown name or a value out of range.
 */
export function resolveOptions(given: Partial<HeapOptions> = {}): HeapOptions {
  if (typeof given !== "object" || given === null) {
    throw new HeapError("ERR_INVALID_OPTION", `options are ${show(given)}; they take an object`);
  }
  const options = withDefaults();
  const names = OPTION_TABLE.map((row) => row.name);
  for (const [name, value] of Object.entries(given)) {
    const row = OPTION_TABLE.find((candidate) => candidate.name === name);
    if (row === undefined) {
      throw unknown(name, "option", names);
    }
    if (value === undefined) continue;
    const set = options as unknown as Record<string, number | boolean>;
    if (row.type === "integer") set[name] = checkNumber(row, name, value);
    else set[name] = typeof value === "boolean" ? value : reject(row, name, value);
  }
  return options;
}

/**
 * Reads the `HAKMEM_*` variables of an environment, such as `process.env`. Call it once, and give
 * the result to `Heap.create`.
 * @throws {HeapError} ERR_INVALID_OPTION for a malformed value, or an unknown `HAKMEM_*` name.
 */
export function optionsFromEnv(
  env: Readonly<Record<string, string | undefined>>,
): Partial<HeapOptions> {
  if (typeof env !== "object" || env === null) {
    throw new HeapError(
      "ERR_INVALID_OPTION",
      `the environment is ${show(env)}; it takes an object`,
    );
  }
  const options: Record<string, number | boolean> = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("HAKMEM_") || text === undefined) continue;
    const row = OPTION_TABLE.find((candidate) => candidate.env === name);
    if (row === undefined) {
      const names = OPTION_TABLE.map((candidate) => candidate.env);
      throw unknown(name, "knob", names);
    }
    if (typeof text !== "string" || !/^\d{1,10}$/.test(text)) reject(row, name, text);
    const value = checkNumber(row, name, Number(text));
    options[row.name] = row.type === "switch" ? value === 1 : value;
  }
  return options as Partial<HeapOptions>;
}

import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";

/**
 * The smallest heap has its metadata and a few slabs. The largest one ends below 2^31, so that a
 * ptr is a positive int32.
 */
export const MIN_CAPACITY_BYTES = 524288;
export const MAX_CAPACITY_BYTES: number = 2 ** 31 - 65536;
const MAX_FAST_CAP = 1022;

/**
 * How a heap behaves. The options are read once, when the heap is created, and kept in its image.
 */
export interface HeapOptions {
  /**
   * Bytes of the whole buffer: 512 KiB to 2 GiB − 64 KiB, rounded up to a multiple of 65536. They
   * are reserved at once, and committed where they are touched. Default 256 MiB.
   */
  capacity: number;
  /**
   * How many blocks the SLL collects before it is drained: 0 to 2^30; 0 drains only on demand, and
   * before a slab is opened or a span is taken. Default 1024.
   */
  sllDrainInterval: number;
  /**
   * How many blocks of a class the front cache holds before they go on the SLL: 1 to 1022. Default
   * 254.
   */
  fastCap: number;
  /** How many blocks one refill takes, for a class of at most 256 bytes: 1 to 1022. Default 64. */
  refillCountHot: number;
  /** How many blocks one refill takes, for a larger class: 1 to 1022. Default 32. */
  refillCountMid: number;
  /** false makes tiny sizes blocks of the pool tier, for comparison. Default true. */
  wrapTiny: boolean;
  /** true counts the hits and misses of the front cache by class. Default false. */
  frontStats: boolean;
  /** true fills each freed block with 0xde, except its first 8 bytes. Default false. */
  safeFree: boolean;
}

/** One row of the table from which the parser, the help text and the docs derive. */
export interface OptionRow {
  readonly name: keyof HeapOptions;
  /** The environment variable. */
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
  integer("sllDrainInterval", "HAKMEM_TINY_SLL_DRAIN_INTERVAL", 1024, "blocks", 0, 2 ** 30),
  integer("fastCap", "HAKMEM_TINY_FAST_CAP", 254, "blocks", 1, MAX_FAST_CAP),
  integer("refillCountHot", "HAKMEM_TINY_REFILL_COUNT_HOT", 64, "blocks", 1, MAX_FAST_CAP),
  integer("refillCountMid", "HAKMEM_TINY_REFILL_COUNT_MID", 32, "blocks", 1, MAX_FAST_CAP),
  toggle("wrapTiny", "HAKMEM_WRAP_TINY", 1),
  toggle("frontStats", "HAKMEM_FRONT_STATS", 0),
  toggle("safeFree", "HAKMEM_SAFE_FREE", 0),
];

/**
 * What each option does, for help texts. It stands apart from the table, so that a program need not
 * ship it.
 */
export const OPTION_SENTENCES: Readonly<Record<keyof HeapOptions, string>> = {
  capacity: "Size of the whole heap; rounded up to a multiple of 65536.",
  sllDrainInterval:
    "Blocks on the SLL that make it drain; 0 drains only on demand, and before a slab is opened " +
    "or a span is taken.",
  fastCap: "Blocks of a class that the front cache holds before they go on the SLL.",
  refillCountHot: "Blocks taken by one refill of a class of at most 256 bytes.",
  refillCountMid: "Blocks taken by one refill of a larger class.",
  wrapTiny: "0 makes tiny sizes blocks of the pool tier, for comparison.",
  frontStats: "1 counts the hits and misses of the front cache by class.",
  safeFree: "1 fills each freed block with 0xde, except its first 8 bytes.",
};

function accepted(row: OptionRow): string {
  return row.type === "switch"
    ? "0 or 1"
    : `an integer from ${row.min} to ${row.max} (${row.unit})`;
}

function reject(row: OptionRow, name: string, got: unknown): never {
  throw new HeapError(
    "ERR_INVALID_OPTION",
    `${name} is ${describe(got)}; it takes ${accepted(row)}`,
    {
      option: name,
      got,
      min: row.min,
      max: row.max,
    },
  );
}

function unknown(option: string, kind: string, accepted: readonly string[]): HeapError {
  const message = `${option} is not a known ${kind}; the ${kind}s are ${accepted.join(", ")}`;
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
 * Returns all options: those given, which are checked, and the defaults.
 * @throws {HeapError} ERR_INVALID_OPTION for an unknown name or a value out of range.
 */
export function resolveOptions(given: Partial<HeapOptions> = {}): HeapOptions {
  if (typeof given !== "object" || given === null) {
    throw new HeapError(
      "ERR_INVALID_OPTION",
      `options are ${describe(given)}; they take an object`,
    );
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
 * Reads options from the `HAKMEM_*` variables of an environment, such as `process.env`. Call it
 * once, and give the result to `Heap.create` or `SharedHeap.create`.
 * @throws {HeapError} ERR_INVALID_OPTION for a malformed value, or an unknown `HAKMEM_*` name.
 */
export function optionsFromEnv(
  env: Readonly<Record<string, string | undefined>>,
): Partial<HeapOptions> {
  if (typeof env !== "object" || env === null) {
    throw new HeapError(
      "ERR_INVALID_OPTION",
      `the environment is ${describe(env)}; it takes an object`,
    );
  }
  const options: Record<string, number | boolean> = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("HAKMEM_") || text === undefined) continue;
    const row = OPTION_TABLE.find((candidate) => candidate.env === name);
    if (row === undefined) {
      const names = OPTION_TABLE.map((candidate) => candidate.env);
      throw unknown(name, "variable", names);
    }
    if (typeof text !== "string" || !/^\d{1,10}$/.test(text)) reject(row, name, text);
    const value = checkNumber(row, name, Number(text));
    options[row.name] = row.type === "switch" ? value === 1 : value;
  }
  return options as Partial<HeapOptions>;
}

import nodeModule from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Site } from "./settings.js";

/** Deep enough to come out of Node's own streams. */
const STACK_FRAMES = 16;
/** Code that is generated again and again would have any number of places. */
const MAX_SITES = 10_000;
const MAX_REPORTED = 100;

interface Tally {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly functionName: string;
  samples: number;
  bytes: number;
}

export type Trap = (...args: never[]) => unknown;

/**
 * Returns the frames below `trap`. It bypasses the program's own formatting of stacks, which may be
 * slow or have effects. Returns undefined if the program has locked `Error`.
 */
function readStack(trap: Trap): NodeJS.CallSite[] | undefined {
  const limit = Object.getOwnPropertyDescriptor(Error, "stackTraceLimit");
  const prepare = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  if (limit?.configurable === false || prepare?.configurable === false) return undefined;
  if (!Object.isExtensible(Error)) return undefined;
  const set = (name: string, value: unknown): void => {
    Object.defineProperty(Error, name, { value, writable: true, configurable: true });
  };
  const restore = (name: string, descriptor: PropertyDescriptor | undefined): void => {
    if (descriptor === undefined) Reflect.deleteProperty(Error, name);
    else Object.defineProperty(Error, name, descriptor);
  };
  const holder: { stack?: unknown } = {};
  try {
    set("stackTraceLimit", STACK_FRAMES);
    set("prepareStackTrace", (_error: unknown, frames: unknown) => frames);
    Error.captureStackTrace(holder, trap);
    return Array.isArray(holder.stack) ? holder.stack : undefined;
  } finally {
    restore("stackTraceLimit", limit);
    restore("prepareStackTrace", prepare);
  }
}

function isOfProgram(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  return typeof file === "string" && !file.startsWith("node:");
}

/** Returns whether Node's module loader calls, and not the program's code. */
export function isOfLoader(trap: Trap): boolean {
  const isLoader = (frame: NodeJS.CallSite): boolean =>
    frame.getFileName()?.startsWith("node:internal/modules/") === true;
  const frame = readStack(trap)?.find((each) => isOfProgram(each) || isLoader(each));
  return frame !== undefined && isLoader(frame);
}

/** Returns the calling frame of the program, not of Node; else the outermost frame. */
function findCaller(frames: readonly NodeJS.CallSite[]): NodeJS.CallSite | undefined {
  return frames.find(isOfProgram) ?? frames.findLast((frame) => frame.getFileName() !== null);
}

function describePlace({ file, line, column }: Tally): string {
  let path = file;
  if (file.startsWith("file:")) path = fileURLToPath(file);
  const entry = nodeModule.findSourceMap?.(path)?.findEntry(line - 1, column - 1);
  const isMapped = entry !== undefined && "originalSource" in entry;
  if (isMapped) path = entry.originalSource.replace(/^file:\/\/(?=\/)/, "");
  const near = relative(process.cwd(), path);
  const shown = path.startsWith("node:") || near.startsWith("..") ? path : near;
  if (!isMapped) return `${shown}:${line}:${column}`;
  return `${shown}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

/** Counts where allocations come from, by stacks taken of one in `every` on average. */
export class SiteTable {
  readonly #every: number;
  readonly #tallies: Map<string, Tally> = new Map();
  #allocations = 0;
  #samples = 0;
  #untilNext = 1;
  #random = 0x9e3779b9;

  constructor(every: number) {
    this.#every = every;
  }

  /** `trap` is the function of the recorder that the program has called. */
  count(bytes: number, trap: Trap): void {
    this.#allocations++;
    if (--this.#untilNext > 0) return;
    this.#untilNext = this.#nextInterval();
    this.#samples++;
    const frame = findCaller(readStack(trap) ?? []);
    const file = frame?.getFileName() ?? "unknown";
    const line = frame?.getLineNumber() ?? 0;
    const column = frame?.getColumnNumber() ?? 0;
    const key = `${file}:${line}:${column}`;
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      if (this.#tallies.size === MAX_SITES) return;
      const functionName = frame?.getFunctionName() ?? "";
      tally = { file, line, column, functionName, samples: 0, bytes: 0 };
      this.#tallies.set(key, tally);
    }
    tally.samples++;
    tally.bytes += bytes;
  }

  /** The busiest first. */
  toSites(): Site[] {
    const factor = this.#allocations / Math.max(1, this.#samples);
    const tallies = [...this.#tallies.values()].sort((a, b) => b.samples - a.samples);
    return tallies.slice(0, MAX_REPORTED).map((tally) => ({
      place: describePlace(tally),
      functionName: tally.functionName,
      samples: tally.samples,
      count: Math.round(tally.samples * factor),
      bytes: Math.round(tally.bytes * factor),
    }));
  }

  /**
   * Draws 1 to 2 * every - 1. A fixed interval would always meet a loop of as many allocations, or
   * half as many, at the same one. `Math.random` is not used: its numbers are the program's.
   */
  #nextInterval(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return 1 + ((this.#random >>> 0) % (2 * this.#every - 1));
  }
}

import { invalid } from "./errors.js";

/** Which `Bytes` are watched: none, one in 128 chosen at random, or all. */
export type LeakDetection = "off" | "sampled" | "all";

/** Bytes that the collector took before they were released. */
export interface Leak {
  /** How many bytes the handle had when it was made. */
  readonly length: number;
  /** Where it was made: a stack trace. */
  readonly site: string;
}

const LEVELS: ReadonlyMap<unknown, number> = new Map([
  ["off", 0],
  ["sampled", 128],
  ["all", 1],
]);

/** What remains of a watched handle when the collector has taken it. */
interface Watched {
  readonly length: number;
  readonly site: string;
  /** Releases what the handle held. */
  readonly giveBack: () => void;
}

/**
 * Watches handles. If the collector takes one that was not released, the detector reports where it
 * was made, and releases what it held.
 */
export class LeakDetector {
  private readonly registry: FinalizationRegistry<Watched> | undefined;
  private readonly every: number;
  private left: number;
  private random: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(level: LeakDetection = "off", onLeak: (leak: Leak) => void = warn) {
    const every = LEVELS.get(level);
    if (every === undefined) {
      throw invalid("leakDetection", level, '"off", "sampled" or "all"');
    }
    if (typeof onLeak !== "function") throw invalid("onLeak", onLeak, "a function");
    this.every = every;
    this.left = 0;
    this.random = Math.floor(Math.random() * 2 ** 32) | 0;
    this.registry =
      every === 0
        ? undefined
        : new FinalizationRegistry(({ length, site, giveBack }) => {
            try {
              giveBack();
            } catch {
              // The heap was closed, or the block was freed by its ptr.
            }
            onLeak({ length, site });
          });
  }

  /**
   * Returns whether to watch the next handle. The distances between samples are random: with equal
   * ones, a program that makes its handles in turns would always show the same ones.
   */
  isNext(): boolean {
    if (this.every <= 1) return this.every === 1;
    if (this.left-- > 0) return false;
    this.random = (Math.imul(this.random, 1664525) + 1013904223) | 0;
    this.left = (this.random >>> 8) % (2 * this.every - 1);
    return true;
  }

  watch(handle: object, length: number, giveBack: () => void): void {
    const site = String(new Error("allocated here").stack);
    this.registry?.register(handle, { length, site, giveBack }, handle);
  }

  forget(handle: object): void {
    this.registry?.unregister(handle);
  }
}

declare const console: { warn(text: string): void };

function warn({ length, site }: Leak): void {
  console.warn(`hakmem: ${length} bytes were never released; ${site}`);
}

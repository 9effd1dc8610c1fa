import { BufferError, show } from "./errors.js";

/** Which `Bytes` are watched: none, one in 128, or all. */
export type LeakDetection = "off" | "sampled" | "all";

export interface Leak {
  /** Bytes that it showed when it was allocated. */
  readonly length: number;
  /** Where it was allocated: a stack trace. */
  readonly site: string;
}

const SAMPLED = 128;

/** What is left of a watched handle when the collector has taken it. */
export interface Watched {
  readonly length: number;
  readonly site: string;
  /** Gives back what the handle held. */
  readonly giveBack: () => void;
}

/**
 * Watches handles: one that the collector takes before it was released is reported with its
 * allocation site, and what it held is given back.
 */
export class LeakDetector {
  private readonly registry: FinalizationRegistry<Watched> | undefined;
  private readonly every: number;
  private count: number;

  constructor(level: LeakDetection = "off", onLeak: (leak: Leak) => void = warn) {
    const every = { off: 0, sampled: SAMPLED, all: 1 }[level];
    if (every === undefined) {
      const message = `leakDetection is ${show(level)}; it takes "off", "sampled" or "all"`;
      throw new BufferError("ERR_INVALID_ARGUMENT", message, { got: level });
    }
    this.every = every;
    this.count = 0;
    this.registry =
      every === 0
        ? undefined
        : new FinalizationRegistry(({ length, site, giveBack }) => {
            giveBack();
            onLeak({ length, site });
          });
  }

  /** Whether the next handle is to be watched. */
  isNext(): boolean {
    if (this.every === 0) return false;
    this.count = (this.count + 1) % this.every;
    return this.count === 0;
  }

  watch(handle: object, length: number, giveBack: () => void): void {
    const site = new Error("allocated here").stack ?? "";
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

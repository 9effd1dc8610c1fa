import type { Block } from "./block.js";
import { type Chain, leaveChain } from "./chain.js";
import { invalid } from "./errors.js";
import type { ByteHeap } from "./heap.js";

/** Which `Bytes` or buffers are watched: none, one in 128 chosen at random, or all. */
export type LeakDetection = "off" | "sampled" | "all";

/** Bytes, or a buffer, that the collector took before they were released or freed. */
export interface Leak {
  /** How many bytes the handle had when it was made. */
  readonly length: number;
  /** Where it was made: a stack trace. */
  readonly site: string;
}

/** What a pool watches. */
export interface LeakOptions {
  /** Which handles or buffers are watched for leaks. Default "off". */
  readonly leakDetection?: LeakDetection;
  /** Called with each leak. By default the console warns of it. */
  readonly onLeak?: (leak: Leak) => void;
}

const LEVELS: ReadonlyMap<unknown, number> = new Map([
  ["off", 0],
  ["sampled", 128],
  ["all", 1],
]);

/** What a watched handle holds. It remains when the collector has taken the handle. */
export class Held {
  readonly length: number;
  readonly site: string;
  block: Block | undefined;
  chain: Chain | undefined;

  constructor(length: number, block: Block | undefined, chain: Chain | undefined) {
    this.length = length;
    this.site = String(new Error("allocated here").stack);
    this.block = block;
    this.chain = chain;
  }
}

/** Where handles come from: their heap, and the detector that watches them. */
export class Origin<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly heap: ByteHeap<B>;
  readonly leaks: LeakDetector;
  readonly isWatching: boolean;

  constructor(heap: ByteHeap<B>, leaks: LeakDetector) {
    this.heap = heap;
    this.leaks = leaks;
    this.isWatching = leaks.isWatching;
  }
}

/**
 * Watches handles. If the collector takes one that was not released, the detector reports where it
 * was made, and releases what it held.
 */
export class LeakDetector {
  private readonly registry: FinalizationRegistry<Held> | undefined;
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
        : new FinalizationRegistry(({ length, site, block, chain }) => {
            try {
              block?.leave();
              if (chain !== undefined) leaveChain(chain);
            } catch {
              // The heap was closed, or the block was freed by its ptr.
            }
            onLeak({ length, site });
          });
  }

  /**
   * Returns whether to watch the next one. The distances between samples are random: with equal
   * ones, a program that makes its handles in turns would always show the same ones.
   */
  isNext(): boolean {
    if (this.every <= 1) return this.every === 1;
    if (this.left-- > 0) return false;
    this.random = (Math.imul(this.random, 1664525) + 1013904223) | 0;
    this.left = (this.random >>> 8) % (2 * this.every - 1);
    return true;
  }

  get isWatching(): boolean {
    return this.every !== 0;
  }

  /** Watches a new handle if it is the next one. Returns what it holds then, to be kept true. */
  watch(
    handle: object,
    length: number,
    block: Block | undefined,
    chain: Chain | undefined,
  ): Held | undefined {
    return this.isNext() ? this.hold(handle, length, block, chain) : undefined;
  }

  /** Watches a handle, or a view of this length, which holds nothing. */
  hold(handle: object, length: number, block?: Block, chain?: Chain): Held {
    const held = new Held(length, block, chain);
    this.registry?.register(handle, held, handle);
    return held;
  }

  forget(handle: object): void {
    this.registry?.unregister(handle);
  }
}

declare const console: { warn(text: string): void };

function warn({ length, site }: Leak): void {
  console.warn(`hakmem: ${length} bytes were never released; ${site}`);
}

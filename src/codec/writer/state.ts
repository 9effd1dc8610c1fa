import { checkRange, invalid } from "../../buffers/errors.js";
import { type Block, type ByteHeap, BytesPool, hide, type Part } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { checkNames, checkPool } from "../checks.js";

const INITIAL_BYTES = 256;
const MAXIMUM_BYTES = 2 ** 32;

/** How a writer takes memory. */
export interface WriterOptions<B extends ArrayBufferLike = ArrayBufferLike> {
  /** The bytes of the first block. Default 256. */
  readonly initial?: number | undefined;
  /**
   * What happens when a message outgrows its block. "realloc" (default) keeps the message in one
   * block, and may copy it to a larger one. "chain" adds blocks and copies nothing.
   */
  readonly grow?: "realloc" | "chain" | undefined;
  /** The most bytes of one message; more is ERR_TOO_LARGE. Default 4 GiB. */
  readonly maximum?: number | undefined;
  /** For a writer over a heap: the pool of the `Bytes` that `finish` returns. */
  readonly pool?: BytesPool<B> | undefined;
}

/**
 * Where a writer is.
 *
 *        part             part              open block
 *     +-----------+   +---------+   +----------+----------+
 *     | closed    |   | closed  |   | written  | room     |
 *     +-----------+   +---------+   +----------+----------+
 *      <-------- base --------->    start      at         limit
 *
 * `start`, `at` and `limit` are indices in the heap's buffer. The length is `base + at - start`.
 */
export abstract class WriterState<B extends ArrayBufferLike = ArrayBufferLike> {
  /** @internal */
  at: number;
  /** @internal */
  limit: number;
  /** @internal */
  declare readonly raw: Uint8Array<B>;
  /** @internal */
  declare readonly data: DataView<B>;
  /** @internal */
  start: number;
  /** @internal */
  base: number;
  /** @internal The free bits of the byte before `bitAt`, if `bitAt` is `at`. */
  bitsFree: number;
  /** @internal */
  bitAt: number;
  /** The heap that it writes to. */
  readonly heap: ByteHeap<B>;
  /** @internal */
  readonly pool: BytesPool<B>;
  /** @internal */
  readonly isChain: boolean;
  /** @internal */
  readonly initial: number;
  /** @internal */
  readonly maximum: number;
  /** @internal */
  block: Block<B> | undefined;
  /** @internal The bytes of `block`. */
  blockBytes: number;
  /** @internal */
  readonly closed: Part<B>[];
  /** @internal The parts in `closed` that were appended. Others share them. */
  readonly appended: Set<Part<B>>;
  /** @internal */
  isFrozen: boolean;
  /** @internal */
  isDisposed: boolean;

  /**
   * @param memory a heap, or the pool of the `Bytes` that `finish` returns
   * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_OUT_OF_RANGE
   */
  constructor(memory: ByteHeap<B> | BytesPool<B>, options: WriterOptions<B> = {}) {
    const { initial, isChain, maximum, pool } = checkOptions(memory, options);
    const { heap } = pool;
    this.at = 0;
    this.limit = 0;
    // Made hidden, not hidden later: that would make each write take half as long again.
    Object.defineProperties(this, { raw: { value: heap.u8 }, data: { value: heap.dataView } });
    this.start = 0;
    this.base = 0;
    this.bitsFree = 0;
    this.bitAt = -1;
    this.heap = heap;
    this.pool = pool;
    this.isChain = isChain;
    this.initial = initial;
    this.maximum = maximum;
    this.block = undefined;
    this.blockBytes = 0;
    this.closed = [];
    this.appended = new Set();
    this.isFrozen = false;
    this.isDisposed = false;
    hide<WriterState<B>>(this, "block", "closed", "appended");
  }

  /** How many bytes are written. It is the position of the next one. */
  get length(): number {
    return this.base + this.at - this.start;
  }
}

interface CheckedOptions<B extends ArrayBufferLike> {
  readonly initial: number;
  readonly isChain: boolean;
  readonly maximum: number;
  readonly pool: BytesPool<B>;
}

/** Returns what makes the `Bytes` of `finish`. */
function poolOf<B extends ArrayBufferLike>(
  memory: ByteHeap<B> | BytesPool<B>,
  given: BytesPool<B> | undefined,
): BytesPool<B> {
  const own = memory instanceof BytesPool ? memory : new BytesPool(memory);
  checkPool(own);
  if (given === undefined) return own;
  checkPool(given);
  if (given.heap.buffer === own.heap.buffer) return given;
  throw new BufferError("ERR_INVALID_ARGUMENT", "pool belongs to another heap than the writer");
}

/** Returns the options, each of which is read once. */
function checkOptions<B extends ArrayBufferLike>(
  memory: ByteHeap<B> | BytesPool<B>,
  options: WriterOptions<B>,
): CheckedOptions<B> {
  const {
    initial = INITIAL_BYTES,
    grow = "realloc",
    maximum = MAXIMUM_BYTES,
    pool,
  } = checkNames(options, ["initial", "grow", "maximum", "pool"]);
  checkRange("initial", initial, 1, MAXIMUM_BYTES);
  checkRange("maximum", maximum, 1, MAXIMUM_BYTES);
  if (grow !== "realloc" && grow !== "chain") {
    throw invalid("grow", grow, '"realloc" or "chain"');
  }
  return { initial, isChain: grow === "chain", maximum, pool: poolOf(memory, pool) };
}

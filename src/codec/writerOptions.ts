import { checkObject, checkRange, invalid } from "../buffers/errors.js";
import { type ByteHeap, BytesPool, checkHeap } from "../buffers/internal.js";
import { BufferError } from "../index.js";

const INITIAL_BYTES = 256;
const MAXIMUM_BYTES = 2 ** 32;

export interface WriterOptions<B extends ArrayBufferLike = ArrayBufferLike> {
  /** Bytes of the first block. Default 256. */
  readonly initial?: number;
  /**
   * How a message grows out of its block: "realloc" (default) keeps it in one, which may be copied
   * to a larger one; "chain" adds blocks and copies nothing.
   */
  readonly grow?: "realloc" | "chain";
  /** Most bytes of one message; more throws ERR_TOO_LARGE. Default 4 GiB. */
  readonly maximum?: number;
  /** Whose `Bytes` `finish` gives, such as of one that watches for leaks. */
  readonly pool?: BytesPool<B>;
}

export interface CheckedOptions {
  readonly initial: number;
  readonly isChain: boolean;
  readonly maximum: number;
}

export function checkOptions(heap: ByteHeap, options: WriterOptions): CheckedOptions {
  const {
    initial = INITIAL_BYTES,
    grow = "realloc",
    maximum = MAXIMUM_BYTES,
  } = checkObject("options", options);
  checkHeap(heap);
  checkRange("initial", initial, 1, MAXIMUM_BYTES);
  checkRange("maximum", maximum, 1, MAXIMUM_BYTES);
  if (grow !== "realloc" && grow !== "chain") {
    throw invalid("grow", grow, '"realloc" or "chain"');
  }
  if (options.pool !== undefined && !(options.pool instanceof BytesPool)) {
    throw invalid("pool", options.pool, "a BytesPool");
  }
  if (options.pool !== undefined && options.pool.heap.buffer !== heap.buffer) {
    throw new BufferError("ERR_INVALID_ARGUMENT", "pool is of another heap than the writer");
  }
  return { initial, isChain: grow === "chain", maximum };
}

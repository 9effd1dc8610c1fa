import {
  BufferError,
  type ByteHeap,
  BytesPool,
  checkHeap,
  checkObject,
  outOfRange,
  show,
} from "../buffers/index.js";

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
  check("initial", initial);
  check("maximum", maximum);
  if (grow !== "realloc" && grow !== "chain") {
    const message = `grow is ${show(grow)}; it takes "realloc" or "chain"`;
    throw new BufferError("ERR_INVALID_ARGUMENT", message, { got: grow });
  }
  if (options.pool !== undefined && !(options.pool instanceof BytesPool)) {
    const message = `pool is ${show(options.pool)}; it takes a BytesPool`;
    throw new BufferError("ERR_INVALID_ARGUMENT", message, { got: options.pool });
  }
  if (options.pool !== undefined && options.pool.heap.buffer !== heap.buffer) {
    throw new BufferError("ERR_INVALID_ARGUMENT", "pool is of another heap than the writer");
  }
  return { initial, isChain: grow === "chain", maximum };
}

function check(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAXIMUM_BYTES) return;
  throw outOfRange(name, value, 1, MAXIMUM_BYTES);
}

import { invalid, outOfRange } from "../../buffers/errors.js";
import type { Bytes, BytesPool } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import {
  checkIntegerOption,
  checkNames,
  checkUnended,
  frameTooLarge,
  malformedFrame,
} from "../checks.js";
import { moveTo, seekBack } from "../reader/parts.js";
import { Reader } from "../reader/reader.js";
import { FRAME_MAX_BYTES, type FramerOptions } from "./cutter.js";
import { Framer } from "./framer.js";
import { LEAST_BYTES } from "./kept.js";

/**
 * Returns how many bytes the frame has whose first bytes the reader reads, which may be more than
 * have come; undefined while that is not known.
 */
export type FrameFinder = (reader: Reader<Uint8Array>) => number | undefined;

/** What `framerOf` accepts. */
export interface CustomFramerOptions extends FramerOptions {
  /** The most bytes of a frame; more is ERR_TOO_LARGE. `find` sees no more of one. */
  readonly maximum: number;
  /** How many bytes at the start of a frame are not handed out. Default 0. */
  readonly strip?: number | undefined;
  /**
   * What the bytes of a frame are whose end has not come when the stream ends: "error" is
   * ERR_TRUNCATED, "frame" is a frame for the `onFrame` of `end`. Default "error".
   */
  readonly unended?: "error" | "frame" | undefined;
}

/**
 * Returns a framer of one's own. `find` says how long a frame is:
 *
 *     const find = (reader) => {
 *       const kind = reader.u8();
 *       const length = kind === 0 ? 8 : reader.u16be();
 *       return reader.ok ? reader.position + length : undefined;
 *     };
 *     const framer = framerOf(pool, find, { maximum: 2 ** 16 });
 *
 * `find` gets a reader over those bytes of the frame that have come, in one piece. It stands at the
 * frame's first byte, which is position 0. After `find` has returned undefined, it is called again
 * when `reader.missing` more bytes have come, 1 at least, and the reader stands at its last `mark`.
 * So a `find` that marks what it is done with takes time in proportion to the bytes, whatever the
 * chunks are. State of its own belongs to one framer, and is begun anew where `reader.position` is
 * 0.
 *
 * A frame that has come is handed out at once, so `onFrame` may use what `find` noted of it. `find`
 * may look at bytes behind the frame, which are the next frame's: few, because those that came in a
 * chunk before are copied again for that one.
 *
 * Returned lengths that are none are ERR_INVALID_ARGUMENT or ERR_OUT_OF_RANGE. Errors of the reader
 * get their position in the stream. `find` must not use its framer.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function framerOf<B extends ArrayBufferLike>(
  pool: BytesPool<B>,
  find: FrameFinder,
  options: CustomFramerOptions,
): Framer<Bytes<B>, B> {
  return new CustomFramer(pool, find, options);
}

const NAMES: readonly (keyof CustomFramerOptions)[] = ["maximum", "strip", "unended", "copyBelow"];
const NOTHING = new Uint8Array(0);

class CustomFramer<B extends ArrayBufferLike> extends Framer<Bytes<B>, B> {
  private readonly finder: FrameFinder;
  private readonly reader: Reader<Uint8Array>;
  private readonly maximum: number;
  private readonly isUnendedFrame: boolean;
  /** The bytes of the begun frame; 0 while `finder` does not know it. */
  private length: number;
  /** How many bytes must have come before it is asked. */
  private needed: number;
  /** Where the reader's mark is in the frame, and the bits that are pending there. */
  private markAt: number;
  private markBits: number;

  constructor(pool: BytesPool<B>, find: FrameFinder, options: CustomFramerOptions) {
    super(pool, checkNames(options, NAMES).copyBelow);
    if (typeof find !== "function") {
      throw invalid("find", find, "a function that returns how many bytes a frame has");
    }
    const { maximum, strip = 0, unended = "error" } = options;
    checkIntegerOption("maximum", maximum, 1, FRAME_MAX_BYTES);
    checkIntegerOption("strip", strip, 0, maximum);
    this.finder = find;
    this.reader = new Reader<Uint8Array>(NOTHING);
    this.maximum = maximum;
    this.isUnendedFrame = checkUnended(unended);
    this.head = strip;
    this.length = 0;
    this.needed = 1;
    this.markAt = 0;
    this.markBits = 0;
  }

  protected override find(source: Uint8Array, at: number, end: number): number {
    const available = end - at;
    const { kept } = this;
    if (this.length === 0) {
      if (kept.length > 0) return this.findKept(source, at, available);
      const length = this.ask(source, at, available);
      if (source !== this.pool.heap.u8 && (length === 0 || length >= available)) {
        // The reader would keep the array alive.
        this.reader.reset(NOTHING);
      }
      if (length === 0) return -available;
      if (length <= available) return length;
    }
    const rest = this.length - kept.length;
    return rest <= available ? rest : -available;
  }

  protected override last(): number {
    const { kept, head } = this;
    return this.isUnendedFrame && kept.length >= head ? kept.length : 0;
  }

  protected override most(): number {
    return this.length > 0 ? this.length : Math.min(this.maximum, this.kept.largest);
  }

  protected override expected(): string {
    return this.length > 0 ? `${this.length} bytes` : `${this.needed} bytes or more`;
  }

  protected override begin(): void {
    this.length = 0;
    this.needed = 1;
    this.markAt = 0;
    this.markBits = 0;
  }

  protected override wrap(bytes: Bytes<B>): Bytes<B> {
    return bytes;
  }

  /**
   * Looks for the end of a frame that was begun before. The finder gets its bytes in one piece: as
   * many more as are kept at most, so that all bytes are copied a bounded number of times.
   */
  private findKept(source: Uint8Array, at: number, available: number): number {
    const { kept, needed } = this;
    const wanted = Math.max(needed, Math.min(2 * kept.length, kept.largest));
    const more = Math.min(available, wanted - kept.length);
    const seen = kept.length + more;
    if (seen < needed) return -more;
    if (seen > kept.largest) throw this.tooLarge(seen);
    kept.lay(source, at, at + more, Math.max(LEAST_BYTES, wanted));
    const length = this.ask(this.pool.heap.u8, kept.ptr, seen);
    if (length === 0 || length > seen) return -more;
    this.whole = length;
    return Math.max(0, length - kept.length);
  }

  /**
   * Asks the finder, which sees `available` bytes of the frame. Returns how many bytes the frame
   * has, or 0 if that is not known.
   */
  private ask(source: Uint8Array, at: number, available: number): number {
    const { maximum, reader } = this;
    const seen = available < maximum ? available : maximum;
    reader.reset(source, at, seen);
    const { markAt, markBits } = this;
    if (markBits > 0) seekBack(reader, markAt, markBits);
    else if (markAt > 0) moveTo(reader, markAt);
    reader.markAt = markAt;
    reader.markBits = markBits;
    const length = this.call();
    if (length === undefined) return this.postpone(seen);
    if (typeof length !== "number") throw wrongLength(length);
    if (!Number.isInteger(length) || length < 1) {
      throw outOfRange("what find() returns", length, 1, maximum, this.start);
    }
    if (length > maximum) throw frameTooLarge(this.start, length, maximum);
    if (length < this.head) throw this.tooShort(length);
    this.length = length;
    return length;
  }

  private call(): number | undefined {
    this.isFinding = true;
    try {
      return this.finder(this.reader);
    } catch (error) {
      throw this.placed(error);
    } finally {
      this.isFinding = false;
    }
  }

  /** Notes how many bytes the finder needs, and where it goes on. */
  private postpone(seen: number): number {
    const { maximum, reader } = this;
    this.needed = seen + Math.max(1, reader.missing);
    if (this.needed > maximum) throw frameTooLarge(this.start, this.needed, maximum);
    this.markAt = Math.min(reader.markAt, seen);
    this.markBits = reader.markBits;
    return 0;
  }

  /** Returns an error of the reader with its position in the stream. */
  private placed(error: unknown): unknown {
    const { start } = this;
    if (start === 0 || !(error instanceof BufferError)) return error;
    const { code, details, message } = error;
    if (typeof details.position !== "number") return error;
    const position = start + details.position;
    const text = `${message} (position ${position} of the stream)`;
    return new BufferError(code, text, { ...details, position, cause: error });
  }

  private tooShort(length: number): BufferError {
    const got = `find() says that the frame has ${length} bytes`;
    return malformedFrame(this.start, got, `a frame of ${this.head} bytes or more`);
  }
}

function wrongLength(got: unknown): BufferError {
  // A rejection that nobody awaits would end the process.
  if (got instanceof Promise) got.catch(() => {});
  return invalid("what find() returns", got, "a number of bytes, or undefined");
}

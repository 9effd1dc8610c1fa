import { invalid } from "../../buffers/errors.js";
import type { Bytes, BytesPool } from "../../buffers/internal.js";
import { checkIntegerOption, checkObject, frameTooLarge, malformedFrame } from "../checks.js";
import { FRAME_MAX_BYTES, type FramerOptions } from "./cutter.js";
import { Framer } from "./framer.js";

/**
 * Where the length stands in the header of a frame, and what it counts:
 *
 *     <- offset -><- width -><- value + adjustment ->
 *     +-----------+----------+----------------------+
 *     | ...       | value    | ...                  |
 *     +-----------+----------+----------------------+
 *     <- strip -> not handed out
 */
export interface LengthFieldOptions extends FramerOptions {
  /** The bytes before the length. Default 0. */
  readonly offset?: number;
  /** The bytes of the length, 1 to 8. It is unsigned. */
  readonly width: number;
  /** The order of these bytes. Default "be": the most significant one comes first. */
  readonly endian?: "be" | "le";
  /**
   * What to add to the value to get how many bytes follow the length. Default 0. If the value
   * counts the header, too, it is `-(offset + width)`.
   */
  readonly adjustment?: number;
  /** How many bytes at the start of a frame are not handed out. Default 0. */
  readonly strip?: number;
  /** The most bytes of a frame with its header; more is ERR_TOO_LARGE. */
  readonly maximum: number;
}

/** Cuts frames whose header says how long they are. */
export class LengthFieldFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<
  Bytes<B>,
  B
> {
  private readonly offset: number;
  private readonly width: number;
  private readonly header: number;
  private readonly isBig: boolean;
  private readonly adjustment: number;
  private readonly least: number;
  private readonly maximum: number;
  /** The bytes of the begun frame; 0 until its header has come. */
  private length: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: LengthFieldOptions) {
    super(pool, checkObject("options", options).copyBelow);
    const { offset = 0, width, endian = "be", adjustment = 0, strip = 0, maximum } = options;
    checkIntegerOption("offset", offset, 0, FRAME_MAX_BYTES);
    checkIntegerOption("width", width, 1, 8);
    if (endian !== "be" && endian !== "le") throw invalid("endian", endian, '"be" or "le"');
    checkIntegerOption("adjustment", adjustment, -FRAME_MAX_BYTES, FRAME_MAX_BYTES);
    checkIntegerOption("maximum", maximum, offset + width, FRAME_MAX_BYTES);
    checkIntegerOption("strip", strip, 0, maximum);
    this.offset = offset;
    this.width = width;
    this.header = offset + width;
    this.isBig = endian === "be";
    this.adjustment = adjustment;
    this.least = Math.max(offset + width, strip);
    this.maximum = maximum;
    this.head = strip;
    this.length = 0;
  }

  protected override find(source: Uint8Array, at: number, end: number): number {
    const available = end - at;
    const kept = this.kept.length;
    if (this.length === 0) {
      if (kept > 0) return -Math.min(this.header - kept, available);
      if (available < this.header) return -available;
      const length = this.measure(source, at);
      if (length <= available) return length;
      this.length = length;
    }
    const rest = this.length - kept;
    return rest <= available ? rest : -available;
  }

  protected override isWhole(): boolean {
    const { kept, header } = this;
    if (kept.length === header) this.length = this.measure(this.pool.heap.u8, kept.ptr);
    return kept.length === this.length;
  }

  protected override most(): number {
    return this.length === 0 ? this.header : this.length;
  }

  protected override expected(): string {
    return this.length === 0 ? `a header of ${this.header} bytes` : `${this.length} bytes`;
  }

  protected override begin(): void {
    this.length = 0;
  }

  protected override wrap(bytes: Bytes<B>): Bytes<B> {
    return bytes;
  }

  private measure(source: Uint8Array, at: number): number {
    const { header, offset, width, maximum, least } = this;
    const field = at + offset;
    const value = this.isBig ? readBig(source, field, width) : readLittle(source, field, width);
    const length = header + this.adjustment + value;
    if (length >= least && length <= maximum) return length;
    const position = this.start + offset;
    if (length > maximum) throw frameTooLarge(this.start, length, maximum, { field: position });
    const got = `the length ${value} makes a frame of ${length} bytes`;
    throw malformedFrame(position, got, `a frame of ${least} bytes or more`);
  }
}

/** Reads an unsigned integer: one of 4 bytes without a loop, which takes 3 ns less. */
function readBig(source: Uint8Array, at: number, width: number): number {
  if (width === 4) {
    const high = (source[at] << 24) | (source[at + 1] << 16);
    return (high | (source[at + 2] << 8) | source[at + 3]) >>> 0;
  }
  let value = 0;
  for (let index = 0; index < width; index++) value = value * 256 + source[at + index];
  return value;
}

function readLittle(source: Uint8Array, at: number, width: number): number {
  if (width === 4) {
    const high = (source[at + 3] << 24) | (source[at + 2] << 16);
    return (high | (source[at + 1] << 8) | source[at]) >>> 0;
  }
  let value = 0;
  for (let index = width - 1; index >= 0; index--) value = value * 256 + source[at + index];
  return value;
}

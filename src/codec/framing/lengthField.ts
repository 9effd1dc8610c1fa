import { invalid } from "../../buffers/errors.js";
import type { Bytes, BytesPool } from "../../buffers/internal.js";
import type { BufferError } from "../../index.js";
import { checkIntegerOption, checkNames, frameTooLarge, malformedFrame } from "../checks.js";
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
  readonly offset?: number | undefined;
  /**
   * The bytes of the length, 1 to 8; it is unsigned. "varint" is an unsigned LEB128 of 32 bits in 1
   * to 5 bytes, as protobuf and MQTT have; forms longer than needed are accepted. "quic" is an
   * integer of RFC 9000 in 1, 2, 4 or 8 bytes.
   */
  readonly width: number | "varint" | "quic";
  /** The order of 1 to 8 bytes. Default "be": the most significant one comes first. */
  readonly endian?: "be" | "le" | undefined;
  /**
   * What to add to the value to get how many bytes follow the length. Default 0. If the value
   * counts the header, too, it is `-(offset + width)`.
   */
  readonly adjustment?: number | undefined;
  /**
   * How many bytes at the start of a frame are not handed out; "header" are those up to the end of
   * the length. Default 0.
   */
  readonly strip?: number | "header" | undefined;
  /** The most bytes of a frame with its header; more is ERR_TOO_LARGE. */
  readonly maximum: number;
}

const NAMES: readonly (keyof LengthFieldOptions)[] = [
  "offset",
  "width",
  "endian",
  "adjustment",
  "strip",
  "maximum",
  "copyBelow",
];

/** Cuts frames whose header says how long they are. */
export class LengthFieldFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<
  Bytes<B>,
  B
> {
  private readonly offset: number;
  /** The bytes of the length; 0 if its own first bytes say that. */
  private readonly width: number;
  private readonly isQuic: boolean;
  private readonly isBig: boolean;
  private readonly adjustment: number;
  /** How many bytes are not handed out; -1 for those of the header. */
  private readonly strip: number;
  private readonly maximum: number;
  /** The bytes of the begun frame's header, as far as is known. */
  private header: number;
  /** The bytes of the begun frame; 0 until its header has come. */
  private length: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: LengthFieldOptions) {
    super(pool, checkNames(options, NAMES).copyBelow);
    const { offset = 0, width, endian, adjustment = 0, strip = 0, maximum } = options;
    checkIntegerOption("offset", offset, 0, FRAME_MAX_BYTES);
    this.width = checkWidth(width);
    checkEndian(endian, this.width);
    checkIntegerOption("adjustment", adjustment, -FRAME_MAX_BYTES, FRAME_MAX_BYTES);
    this.header = offset + Math.max(this.width, 1);
    checkIntegerOption("maximum", maximum, this.header, FRAME_MAX_BYTES);
    this.strip = checkStrip(strip, maximum);
    this.offset = offset;
    this.isQuic = width === "quic";
    this.isBig = endian !== "le";
    this.adjustment = adjustment;
    this.maximum = maximum;
    this.head = this.strip < 0 ? this.header : this.strip;
    this.length = 0;
  }

  protected override find(source: Uint8Array, at: number, end: number): number {
    const available = end - at;
    const kept = this.kept.length;
    if (this.length === 0) {
      if (kept > 0) return -Math.min(this.header - kept, available);
      if (available < this.header) return -available;
      const length = this.measure(source, at, available);
      if (length === 0) return -available;
      if (length <= available) return length;
      this.length = length;
    }
    const rest = this.length - kept;
    return rest <= available ? rest : -available;
  }

  protected override isWhole(): boolean {
    const { kept, header } = this;
    if (kept.length === header && this.length === 0) {
      this.length = this.measure(this.pool.heap.u8, kept.ptr, header);
    }
    return kept.length === this.length;
  }

  protected override most(): number {
    return this.length === 0 ? this.header : this.length;
  }

  protected override expected(): string {
    if (this.length > 0) return `${this.length} bytes`;
    return `a header of ${this.header} bytes${this.width === 0 ? " or more" : ""}`;
  }

  protected override begin(): void {
    this.length = 0;
    if (this.width === 0) this.header = this.offset + 1;
  }

  protected override wrap(bytes: Bytes<B>): Bytes<B> {
    return bytes;
  }

  /** Returns the bytes of the frame that begins at `at`, or 0 if not all of its length has come. */
  private measure(source: Uint8Array, at: number, available: number): number {
    const { offset, width } = this;
    const field = at + offset;
    if (width === 0) return this.measureVarying(source, field, available - offset);
    const value = this.isBig ? readBig(source, field, width) : readLittle(source, field, width);
    return this.checked(value);
  }

  /** Does so where the length says itself how many bytes it has. Sets `header` and `head`. */
  private measureVarying(source: Uint8Array, field: number, available: number): number {
    const size = this.isQuic ? 2 ** (source[field] >>> 6) : sizeOfVarint(source, field, available);
    this.header = this.offset + size;
    if (!this.isQuic && available >= VARINT_BYTES && source[field + VARINT_BYTES - 1] > 15) {
      if (size >= VARINT_BYTES) throw this.tooLong();
    }
    if (size > available) return 0;
    if (this.strip < 0) this.head = this.header;
    return this.checked((this.isQuic ? readQuic : readVarint)(source, field, size));
  }

  private tooLong(): BufferError {
    const expected = `a length of at most ${VARINT_BYTES} bytes and 32 bits`;
    return malformedFrame(this.start + this.offset, "a longer varint", expected);
  }

  /** Returns the bytes of a frame with this length. */
  private checked(value: number): number {
    const { header, offset, maximum, strip } = this;
    const length = header + this.adjustment + value;
    if (length >= header && length >= strip && length <= maximum) return length;
    const position = this.start + offset;
    if (length > maximum) throw frameTooLarge(this.start, length, maximum, { field: position });
    const got = `the length ${value} makes a frame of ${length} bytes`;
    throw malformedFrame(position, got, `a frame of ${Math.max(header, strip)} bytes or more`);
  }
}

/** Returns the bytes of a length; 0 if they vary. */
function checkWidth(width: unknown): number {
  if (width === "varint" || width === "quic") return 0;
  if (Number.isInteger(width) && (width as number) >= 1 && (width as number) <= 8) {
    return width as number;
  }
  throw invalid("width", width, 'an integer from 1 to 8, "varint" or "quic"');
}

function checkEndian(endian: unknown, width: number): void {
  if (endian === undefined || (width > 0 && (endian === "be" || endian === "le"))) return;
  throw invalid("endian", endian, width > 0 ? '"be" or "le"' : "none with this width");
}

function checkStrip(strip: unknown, maximum: number): number {
  if (strip === "header") return -1;
  if (Number.isInteger(strip) && (strip as number) >= 0 && (strip as number) <= maximum) {
    return strip as number;
  }
  throw invalid("strip", strip, `an integer from 0 to ${maximum}, or "header"`);
}

const VARINT_BYTES = 5;

/** Returns the bytes of a varint, as far as is known: more than `available` if it goes on. */
function sizeOfVarint(source: Uint8Array, at: number, available: number): number {
  const most = Math.min(available, VARINT_BYTES);
  let size = 1;
  while (size <= most && source[at + size - 1] > 127) size++;
  return size;
}

function readVarint(source: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = 0; index < size; index++) value |= (source[at + index] & 127) << (7 * index);
  return value >>> 0;
}

function readQuic(source: Uint8Array, at: number, size: number): number {
  let value = source[at] & 63;
  for (let index = 1; index < size; index++) value = value * 256 + source[at + index];
  return value;
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

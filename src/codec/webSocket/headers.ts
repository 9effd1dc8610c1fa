import { invalid } from "../../buffers/errors.js";
import type { BufferError } from "../../index.js";
import { checkIntegerOption, frameTooLarge, malformedFrame } from "../checks.js";
import { FRAME_MAX_BYTES } from "../framing/cutter.js";
import { PROTOCOL_ERROR, TOO_BIG } from "./closing.js";
import { CONTROL_MAX_BYTES } from "./frame.js";

/** The longest header: 2 bytes, 8 of length, and the mask. */
export const HEADER_MAX_BYTES = 14;

/** What the headers of a connection are checked against. */
export interface HeaderOptions {
  readonly role: "server" | "client";
  readonly maximum: number;
  readonly rsv?: number | undefined;
}

/**
 * Reads the headers of the frames of a connection, one after the other, and checks them: reserved
 * bits and opcodes, the order of fragments, masks, and lengths.
 */
export class Headers {
  readonly isServer: boolean;
  /** The first byte of the header, when it is whole. */
  first: number;
  /** The bytes of the header, as far as is known. */
  bytes: number;
  /** The bytes of the payload. */
  payload: number;
  /** The mask as a word, its first byte lowest. */
  mask: number;
  /** Whether a message has begun and lacks frames. */
  isFragmented: boolean;
  /** The bytes of that message in the frames before, which count towards the maximum. */
  joined: number;
  readonly maximum: number;
  private readonly rsv: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor({ role, maximum, rsv = 0 }: HeaderOptions) {
    if (role !== "server" && role !== "client") throw invalid("role", role, '"server" or "client"');
    checkIntegerOption("maximum", maximum, CONTROL_MAX_BYTES, FRAME_MAX_BYTES - HEADER_MAX_BYTES);
    checkIntegerOption("rsv", rsv, 0, 7);
    this.isServer = role === "server";
    this.first = 0;
    this.bytes = 2;
    this.payload = 0;
    this.mask = 0;
    this.isFragmented = false;
    this.joined = 0;
    this.maximum = maximum;
    this.rsv = rsv << 4;
  }

  /** Begins with the first frame of a connection. */
  reset(): void {
    this.bytes = 2;
    this.isFragmented = false;
    this.joined = 0;
  }

  /** The next byte is the first one of a header. */
  begin(): void {
    this.bytes = 2;
  }

  /**
   * Reads what has come of a header, which begins at `position` in the stream. Returns true if it
   * is whole. Else it sets `bytes` to how many are needed to go on.
   * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE
   */
  read(source: Uint8Array, at: number, available: number, position: number): boolean {
    if (available < 2) return false;
    const second = source[at + 1];
    if (this.bytes === 2) this.checkStart(source[at], second, position);
    const short = second & 127;
    const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
    this.bytes = 2 + extra + (this.isServer ? 4 : 0);
    if (available < 2 + extra) {
      // The length is checked as soon as it has come, before the mask.
      this.bytes = 2 + extra;
      return false;
    }
    const payload = extra === 0 ? short : readLength(source, at + 2, extra, position);
    const isControl = (source[at] & 8) !== 0;
    const total = isControl ? payload : payload + this.joined;
    if (total > this.maximum) {
      const limit = this.joined > 0 ? " with the fragments before it" : "";
      throw frameTooLarge(position, total, this.maximum, TOO_BIG, limit);
    }
    if (available < this.bytes) return false;
    if (this.isServer) this.mask = readMask(source, at + 2 + extra);
    this.first = source[at];
    this.payload = payload;
    return true;
  }

  private checkStart(first: number, second: number, position: number): void {
    const opcode = first & 15;
    const isControl = opcode >= 8;
    if ((opcode > 2 && opcode < 8) || opcode > 10) {
      throw wrong(position, `opcode ${opcode}`, "0, 1, 2, 8, 9 or 10");
    }
    const allowed = isControl || opcode === 0 ? 0 : this.rsv;
    if ((first & 0x70 & ~allowed) !== 0) {
      throw wrong(position, `reserved bits ${(first >>> 4) & 7}`, `none but ${allowed >>> 4}`);
    }
    if (isControl && first < 0x80) {
      throw wrong(position, "a control frame without fin", "one that is not fragmented");
    }
    if (isControl && (second & 127) > CONTROL_MAX_BYTES) {
      const expected = `at most ${CONTROL_MAX_BYTES} bytes`;
      throw wrong(position + 1, "a longer control frame", expected);
    }
    if (!isControl && (opcode === 0) !== this.isFragmented) {
      const got = this.isFragmented ? "a new message within one" : "a continuation of no message";
      throw wrong(position, got, this.isFragmented ? "opcode 0" : "opcode 1 or 2");
    }
    if (second >= 0x80 !== this.isServer) {
      const got = this.isServer ? "no mask" : "a mask";
      const expected = this.isServer ? "a mask" : "no mask";
      throw wrong(position + 1, got, `${expected} from the other side`);
    }
  }
}

function readLength(source: Uint8Array, at: number, width: number, position: number): number {
  let value = 0;
  for (let index = 0; index < width; index++) value = value * 256 + source[at + index];
  const least = width === 2 ? 126 : 65536;
  if (value < least) {
    const got = `length ${value} in ${width} bytes`;
    throw wrong(position + 2, got, "the shortest form of the length");
  }
  if (value >= 2 ** 63) throw wrong(position + 2, "the length's first bit set", "0");
  return value;
}

function readMask(source: Uint8Array, at: number): number {
  return source[at] | (source[at + 1] << 8) | (source[at + 2] << 16) | (source[at + 3] << 24);
}

function wrong(position: number, got: string, expected: string): BufferError {
  return malformedFrame(position, got, expected, PROTOCOL_ERROR);
}

import { invalid } from "../../buffers/errors.js";
import {
  type Bytes,
  type BytesPool,
  hide,
  isBytes,
  readUtf8,
  startOf,
} from "../../buffers/internal.js";
import type { BufferError } from "../../index.js";
import { checkIntegerOption, checkObject, frameTooLarge, malformedFrame } from "../checks.js";
import { FRAME_MAX_BYTES, type FramerOptions } from "../framing/cutter.js";
import { Framer } from "../framing/framer.js";
import { Memory, maskRange, wordsOf } from "./mask.js";

/** What a `WebSocketFramer` accepts. */
export interface WebSocketOptions extends FramerOptions {
  /** The reading side. A server takes only masked frames, a client only unmasked ones. */
  readonly role: "server" | "client";
  /** The most bytes of the payload of a frame; more is ERR_TOO_LARGE. */
  readonly maximum: number;
  /**
   * The reserved bits that agreed extensions use, as in `WebSocketFrame.rsv`: 4 with
   * permessage-deflate. Default 0. Only the first frame of a message may have them.
   */
  readonly rsv?: number;
}

/** The opcodes of RFC 6455. */
export const OPCODE: {
  readonly CONTINUATION: 0;
  readonly TEXT: 1;
  readonly BINARY: 2;
  readonly CLOSE: 8;
  readonly PING: 9;
  readonly PONG: 10;
} = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

/** The most bytes of the payload of a control frame. */
export const CONTROL_MAX_BYTES = 125;

const PROTOCOL_ERROR = { closeCode: 1002 };
const INVALID_TEXT = { closeCode: 1007 };
const TOO_BIG = { closeCode: 1009 };
const NO_MEMORY = new Memory(new ArrayBuffer(0));

/** A frame with its payload unmasked. Whoever gets the frame releases it. */
export class WebSocketFrame<B extends ArrayBufferLike = ArrayBufferLike> {
  /** Whether it is the last frame of its message. */
  readonly fin: boolean;
  /** The reserved bits: RSV1 is 4, RSV2 2, RSV3 1. */
  readonly rsv: number;
  /** One of `OPCODE`. */
  readonly opcode: number;
  /** Whether it came with a mask. */
  readonly isMasked: boolean;
  readonly payload: Bytes<B>;

  /** @internal */
  constructor(first: number, isMasked: boolean, payload: Bytes<B>) {
    if (!isBytes(payload)) throw invalid("payload", payload, "Bytes");
    this.fin = first >= 0x80;
    this.rsv = (first >>> 4) & 7;
    this.opcode = first & 15;
    this.isMasked = isMasked;
    this.payload = payload;
  }

  /** Releases the payload. */
  release(): void {
    this.payload.release();
  }

  [Symbol.dispose](): void {
    this.payload[Symbol.dispose]();
  }
}

/**
 * Cuts the frames of a WebSocket connection (RFC 6455). It checks the order of fragments, control
 * frames, lengths, close codes and close reasons. It does not join the fragments of a message, and
 * does not check that text is UTF-8. Errors have a `closeCode` in their details, which is to be
 * sent. A close frame ends the stream: whatever follows is ignored, until `reset`.
 *
 * `push` unmasks payloads in place, so the bytes of a chunk change for everyone who shares it. The
 * payloads of a frozen chunk are copied, and those of an array, too. `scan` unmasks payloads in the
 * array that it is given.
 */
export class WebSocketFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<
  WebSocketFrame<B>,
  B
> {
  private readonly i32: Int32Array;
  /** The memory of the last array outside of the heap. */
  private scanned: Memory;
  private readonly isServer: boolean;
  private readonly maximum: number;
  private readonly rsv: number;
  private isFragmented: boolean;
  /** The bytes of the begun frame's header, as far as is known. */
  private header: number;
  /** The bytes of the begun frame; 0 until its header has come. */
  private length: number;
  private mask: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: WebSocketOptions) {
    super(pool, checkObject("options", options).copyBelow);
    const { role, maximum, rsv = 0 } = options;
    if (role !== "server" && role !== "client") throw invalid("role", role, '"server" or "client"');
    checkIntegerOption("maximum", maximum, CONTROL_MAX_BYTES, FRAME_MAX_BYTES - 14);
    checkIntegerOption("rsv", rsv, 0, 7);
    this.i32 = wordsOf(pool.heap);
    this.scanned = NO_MEMORY;
    this.isServer = role === "server";
    this.maximum = maximum;
    this.rsv = rsv << 4;
    this.isFragmented = false;
    this.header = 2;
    this.length = 0;
    this.mask = 0;
    hide<object>(this, "i32" as never);
  }

  override reset(): void {
    super.reset();
    this.isFragmented = false;
  }

  protected override find(source: Uint8Array, at: number, end: number): number {
    const { kept } = this;
    const available = end - at;
    if (this.length === 0) {
      if (kept.length > 0) return -Math.min(this.header - kept.length, available);
      if (!this.readHeader(source, at, available)) return -available;
    }
    const rest = this.length - kept.length;
    return rest <= available ? rest : -available;
  }

  protected override isWhole(): boolean {
    const { kept, pool } = this;
    if (this.length === 0) this.readHeader(pool.heap.u8, kept.ptr, kept.length);
    return kept.length === this.length;
  }

  protected override most(): number {
    return this.length === 0 ? this.header : this.length;
  }

  protected override expected(): string {
    return this.length === 0 ? `a header of ${this.header} bytes` : `${this.length} bytes`;
  }

  protected override begin(): void {
    this.header = 2;
    this.length = 0;
  }

  override get isPlain(): boolean {
    return false;
  }

  protected override wrap(bytes: Bytes<B>): WebSocketFrame<B> {
    const { first, isServer, pool } = this;
    const payload = isServer ? writable(bytes) : bytes;
    try {
      this.admit(pool.heap.u8, startOf(payload), payload.length);
    } catch (error) {
      payload.release();
      throw error;
    }
    return new WebSocketFrame(first, isServer, payload);
  }

  protected override tooLarge(got: number): BufferError {
    return super.tooLarge(got, TOO_BIG);
  }

  /** Unmasks a payload in place, and checks it. */
  protected override admit(source: Uint8Array, start: number, length: number): void {
    const opcode = this.first & 15;
    if (this.isServer && length > 0) this.unmask(source, start, length);
    if (opcode === OPCODE.CLOSE) {
      if (length > 0) this.checkClose(source, start, length);
      this.isOver = true;
    }
    if (opcode < 8) this.isFragmented = this.first < 0x80;
  }

  /**
   * Reads what has come of a header. Returns true if it is whole, and sets `length`, `head` and
   * `mask`. Else it sets `header` to how many bytes are needed to go on.
   */
  private readHeader(source: Uint8Array, at: number, available: number): boolean {
    if (available < 2) return false;
    const second = source[at + 1];
    if (this.header === 2) this.checkStart(source[at], second);
    const short = second & 127;
    const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
    this.header = 2 + extra + (this.isServer ? 4 : 0);
    if (available < 2 + extra) {
      // The length is checked as soon as it has come, before the mask.
      this.header = 2 + extra;
      return false;
    }
    const payload = extra === 0 ? short : this.readLength(source, at + 2, extra);
    if (payload > this.maximum) {
      throw frameTooLarge(this.start, payload, this.maximum, TOO_BIG);
    }
    if (available < this.header) return false;
    if (this.isServer) this.mask = readMask(source, at + 2 + extra);
    this.first = source[at];
    this.head = this.header;
    this.length = this.header + payload;
    return true;
  }

  private checkStart(first: number, second: number): void {
    const opcode = first & 15;
    const isControl = opcode >= 8;
    if ((opcode > 2 && opcode < 8) || opcode > 10) {
      throw this.malformed(0, `opcode ${opcode}`, "0, 1, 2, 8, 9 or 10");
    }
    const allowed = isControl || opcode === 0 ? 0 : this.rsv;
    if ((first & 0x70 & ~allowed) !== 0) {
      throw this.malformed(0, `reserved bits ${(first >>> 4) & 7}`, `none but ${allowed >>> 4}`);
    }
    if (isControl && first < 0x80) {
      throw this.malformed(0, "a control frame without fin", "one that is not fragmented");
    }
    if (isControl && (second & 127) > CONTROL_MAX_BYTES) {
      throw this.malformed(1, "a longer control frame", `at most ${CONTROL_MAX_BYTES} bytes`);
    }
    if (!isControl && (opcode === 0) !== this.isFragmented) {
      const got = this.isFragmented ? "a new message within one" : "a continuation of no message";
      throw this.malformed(0, got, this.isFragmented ? "opcode 0" : "opcode 1 or 2");
    }
    if (second >= 0x80 !== this.isServer) {
      const got = this.isServer ? "no mask" : "a mask";
      const expected = this.isServer ? "a mask" : "no mask";
      throw this.malformed(1, got, `${expected} from the other side`);
    }
  }

  private readLength(source: Uint8Array, at: number, width: number): number {
    let value = 0;
    for (let index = 0; index < width; index++) value = value * 256 + source[at + index];
    const least = width === 2 ? 126 : 65536;
    if (value < least) {
      throw this.malformed(
        2,
        `length ${value} in ${width} bytes`,
        "the shortest form of the length",
      );
    }
    if (value >= 2 ** 63) throw this.malformed(2, "the length's first bit set", "0");
    return value;
  }

  private unmask(source: Uint8Array, start: number, length: number): void {
    const { u8 } = this.pool.heap;
    if (source === u8) {
      maskRange(u8, this.i32, start, start + length, this.mask);
      return;
    }
    const { buffer, byteOffset } = source;
    if (!this.scanned.covers(buffer)) this.scanned = new Memory(buffer);
    const at = byteOffset + start;
    maskRange(this.scanned.u8, this.scanned.i32, at, at + length, this.mask);
  }

  private checkClose(source: Uint8Array, start: number, length: number): void {
    const code = length < 2 ? 0 : (source[start] << 8) | source[start + 1];
    if (!isCloseCode(code)) {
      const got = length < 2 ? "1 byte of close code" : `close code ${code}`;
      throw this.malformed(this.head, got, "none, or one of 2 bytes that may be sent");
    }
    if (isUtf8(source, start + 2, start + length)) return;
    const reason = this.start + this.head + 2;
    throw malformedFrame(reason, "a close reason that is no UTF-8", "UTF-8", INVALID_TEXT);
  }

  private malformed(offset: number, got: string, expected: string): Error {
    return malformedFrame(this.start + offset, got, expected, PROTOCOL_ERROR);
  }
}

/** Returns bytes that can be unmasked in place: those of a frozen chunk are copied. */
function writable<B extends ArrayBufferLike>(bytes: Bytes<B>): Bytes<B> {
  if (!bytes.isFrozen || bytes.length === 0) return bytes;
  try {
    return bytes.compact();
  } finally {
    bytes.release();
  }
}

function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    readUtf8(bytes, start, end, true);
    return true;
  } catch {
    return false;
  }
}

function readMask(source: Uint8Array, at: number): number {
  return source[at] | (source[at + 1] << 8) | (source[at + 2] << 16) | (source[at + 3] << 24);
}

import { type Bytes, type BytesPool, hide, startOf } from "../../buffers/internal.js";
import type { BufferError } from "../../index.js";
import { checkNames } from "../checks.js";
import type { FramerOptions } from "../framing/cutter.js";
import { Framer } from "../framing/framer.js";
import { closeError, TOO_BIG } from "./closing.js";
import { OPCODE, WebSocketFrame } from "./frame.js";
import { Headers } from "./headers.js";
import { maskRange, Words } from "./mask.js";
import { keepShape } from "./shapes.js";

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
  readonly rsv?: number | undefined;
}

const NAMES: readonly (keyof WebSocketOptions)[] = ["role", "maximum", "rsv", "copyBelow"];

/**
 * Cuts the frames of a WebSocket connection (RFC 6455). It checks the order of fragments, control
 * frames, lengths, close codes and close reasons. It does not join the fragments of a message, and
 * does not check that text is UTF-8: `WebSocketMessageFramer` does. Errors have a `closeCode` in
 * their details, which is to be sent. A close frame ends the stream: whatever follows is ignored,
 * until `reset`.
 *
 * `push` unmasks payloads in place, so the bytes of a chunk change for everyone who shares it. The
 * payloads of a frozen chunk are copied, and those of an array, too. `scan` unmasks payloads in the
 * array that it is given.
 */
export class WebSocketFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<
  WebSocketFrame<B>,
  B
> {
  private readonly headers: Headers;
  private readonly words: Words;
  /** The bytes of the begun frame; 0 until its header has come. */
  private length: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: WebSocketOptions) {
    super(pool, checkNames(options, NAMES).copyBelow);
    this.headers = new Headers(options);
    this.words = new Words(pool.heap);
    this.length = 0;
    keepShape(this, pool, (payload) => new WebSocketFrame(0, false, payload));
    hide<object>(this, "words" as never);
  }

  override reset(): void {
    super.reset();
    this.headers.reset();
  }

  protected override find(source: Uint8Array, at: number, end: number): number {
    const { kept } = this;
    const available = end - at;
    if (this.length === 0) {
      if (kept.length > 0) return -Math.min(this.headers.bytes - kept.length, available);
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
    return this.length === 0 ? this.headers.bytes : this.length;
  }

  protected override expected(): string {
    return this.length === 0 ? `a header of ${this.headers.bytes} bytes` : `${this.length} bytes`;
  }

  protected override begin(): void {
    this.headers.begin();
    this.length = 0;
  }

  /** @internal */
  override dress(payload: Bytes<B>, first: number): WebSocketFrame<B> {
    return new WebSocketFrame(first, this.headers.isServer, payload);
  }

  protected override wrap(bytes: Bytes<B>): WebSocketFrame<B> {
    const { first, pool } = this;
    const { isServer } = this.headers;
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
    const { first, headers, words } = this;
    const opcode = first & 15;
    if (length > 0 && (headers.isServer || opcode === OPCODE.CLOSE)) {
      const { u8, i32, at } = words.of(source, start);
      if (headers.isServer) maskRange(u8, i32, at, at + length, headers.mask);
      if (opcode === OPCODE.CLOSE) {
        const error = closeError(u8, i32, at, length, this.start + this.head);
        if (error !== undefined) throw error;
      }
    }
    if (opcode === OPCODE.CLOSE) this.isOver = true;
    if (opcode < 8) headers.isFragmented = first < 0x80;
  }

  private readHeader(source: Uint8Array, at: number, available: number): boolean {
    const { headers } = this;
    if (!headers.read(source, at, available, this.start)) return false;
    this.first = headers.first;
    this.head = headers.bytes;
    this.length = headers.bytes + headers.payload;
    return true;
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

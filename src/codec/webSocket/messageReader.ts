import type { BytesPool } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { checkIntegerOption, frameTooLarge, malformedFrame, truncatedFrame } from "../checks.js";
import { Kept } from "../framing/kept.js";
import { closeError, INVALID_TEXT, POLICY, TOO_BIG } from "./closing.js";
import { OPCODE } from "./frame.js";
import { HEADER_MAX_BYTES, type HeaderOptions, Headers } from "./headers.js";
import { maskRange, Words } from "./mask.js";
import { checkUtf8 } from "./utf8.js";

const MOST_FRAGMENTS = 2 ** 31 - 1;

/** What a message may be. */
interface MessageLimits extends HeaderOptions {
  readonly maximumFragments?: number | undefined;
}

/** Where what is handed out next lies. */
export const NOWHERE = 0;
export const IN_PLACE = 1;
export const KEPT = 2;

/**
 * Joins the frames of messages, in pieces as they come: a payload is unmasked, checked and, unless
 * it is a whole message within the chunk, appended to one block.
 */
export class MessageReader<B extends ArrayBufferLike = ArrayBufferLike> {
  /** How many bytes of the stream were read. */
  position: number;
  /** Whether a close frame was read. */
  isOver: boolean;
  /** Where the message or the control frame lies that is whole now, if one is. */
  whole: number;
  start: number;
  length: number;
  private readonly headers: Headers;
  private readonly words: Words;
  private readonly u8: Uint8Array;
  private readonly maximumFragments: number;
  /** The beginning of a header that continues in the next chunk, and how many bytes it has. */
  private readonly begun: Uint8Array;
  private begunBytes: number;
  /** Whether the header of the frame has come, and how many bytes its payload lacks. */
  private isInPayload: boolean;
  private lacking: number;
  /** Where the frame and its message begin in the stream. */
  private frameAt: number;
  private messageAt: number;
  /** The mask for the next byte of the payload. */
  private mask: number;
  /** What has come of the message, and of the payload of a control frame. */
  private readonly joined: Kept<B>;
  private readonly control: Kept<B>;
  /** The first byte of the message's first frame, and how many frames it has. */
  private opening: number;
  private fragments: number;
  /** The state of `checkUtf8` after what has come of a text. */
  private utf8: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: MessageLimits) {
    const { maximumFragments = 65536 } = options;
    checkIntegerOption("maximumFragments", maximumFragments, 1, MOST_FRAGMENTS);
    this.position = 0;
    this.isOver = false;
    this.headers = new Headers(options);
    this.words = new Words(pool.heap);
    this.u8 = pool.heap.u8;
    this.maximumFragments = maximumFragments;
    this.begun = new Uint8Array(HEADER_MAX_BYTES);
    this.begunBytes = 0;
    this.isInPayload = false;
    this.lacking = 0;
    this.frameAt = 0;
    this.messageAt = 0;
    this.mask = 0;
    this.joined = new Kept(pool);
    this.control = new Kept(pool);
    this.opening = 0;
    this.fragments = 0;
    this.utf8 = 0;
    this.whole = NOWHERE;
    this.start = 0;
    this.length = 0;
  }

  get isServer(): boolean {
    return this.headers.isServer;
  }

  /** How many bytes are kept of a message, a control frame and a header that lack some. */
  get keptBytes(): number {
    return this.begunBytes + this.joined.length + this.control.length;
  }

  /** Returns the error for the end of the stream here, unless it may end. */
  endError(): BufferError | undefined {
    const { isInPayload, position } = this;
    const isWithinFrame = isInPayload || this.begunBytes > 0;
    if (this.isOver || !(isWithinFrame || this.fragments > 0)) return undefined;
    const begin = isWithinFrame ? this.frameAt : this.messageAt;
    const header = isWithinFrame ? `a header of ${this.headers.bytes} bytes` : "a continuation";
    const expected = isInPayload ? `${this.lacking} more bytes` : header;
    return truncatedFrame(begin, position - begin, expected);
  }

  /** Returns what holds the message that is whole, or the control frame, if it is kept. */
  keptOf(first: number): Kept<B> {
    return (first & 8) === 0 ? this.joined : this.control;
  }

  /**
   * Deals with what comes next, up to the end of one frame, and returns the index after it. What is
   * whole then is in place if it has `least` bytes; else it is kept.
   * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  step(source: Uint8Array, at: number, end: number, least: number): number {
    let from = at;
    if (!this.isInPayload) {
      from = this.readHeader(source, at, end);
      this.position += from - at;
      if (!this.isInPayload) return from;
    }
    const { first } = this.headers;
    const kept = this.keptOf(first);
    const piece = Math.min(this.lacking, end - from);
    const isAlone = first >= 0x80 && kept.length === 0;
    if (isAlone && piece === this.lacking && piece >= least) {
      this.admitPiece(source, from, piece);
      this.position += piece;
      this.endFrame(source, from, piece, IN_PLACE);
    } else {
      if (piece > 0) this.keepPiece(kept, source, from, piece);
      this.position += piece;
      if (this.lacking === 0) this.endFrame(this.u8, kept.ptr, kept.length, KEPT);
    }
    return from + piece;
  }

  /** Reads what has come of a header. Returns the index after it. */
  private readHeader(source: Uint8Array, at: number, end: number): number {
    const { begun, headers } = this;
    if (this.begunBytes === 0) {
      this.frameAt = this.position;
      if (headers.read(source, at, end - at, this.position)) {
        this.beginFrame();
        return at + headers.bytes;
      }
    }
    for (let from = at; from < end; ) {
      begun[this.begunBytes++] = source[from++];
      if (this.begunBytes < headers.bytes) continue;
      if (headers.read(begun, 0, this.begunBytes, this.frameAt)) {
        this.beginFrame();
        return from;
      }
    }
    return end;
  }

  private beginFrame(): void {
    const { first, mask, payload } = this.headers;
    this.begunBytes = 0;
    this.isInPayload = true;
    this.lacking = payload;
    this.mask = mask;
    if ((first & 8) !== 0) return;
    if ((first & 15) !== OPCODE.CONTINUATION) {
      this.opening = first | 0x80;
      this.messageAt = this.frameAt;
    }
    this.fragments++;
    if (this.fragments > this.maximumFragments) {
      throw tooManyFragments(this.messageAt, this.fragments, this.maximumFragments);
    }
  }

  private keepPiece(kept: Kept<B>, source: Uint8Array, from: number, piece: number): void {
    const { headers, lacking } = this;
    const before = kept.length;
    const all = before + lacking;
    if (all > kept.largest) throw this.largerThanBlock(all);
    const most = headers.first >= 0x80 ? all : Math.min(headers.maximum, kept.largest);
    kept.append(source, from, from + piece, most);
    this.admitPiece(this.u8, kept.ptr + before, piece);
    this.lacking = lacking - piece;
  }

  /** Unmasks bytes of a payload in place, and checks text. */
  private admitPiece(source: Uint8Array, start: number, length: number): void {
    if (length === 0) return;
    const { headers, mask, words } = this;
    const { u8, i32, at } = words.of(source, start);
    if (headers.isServer) {
      maskRange(u8, i32, at, at + length, mask);
      const turn = (length & 3) << 3;
      this.mask = (mask >>> turn) | (mask << (32 - turn));
    }
    if (!this.isText) return;
    const state = checkUtf8(u8, i32, at, at + length, this.utf8);
    if (state < 0) throw notUtf8(this.position + ~state - at, "a byte that is no UTF-8");
    this.utf8 = state;
  }

  /** Whether the frame belongs to a text that is not to be decoded first. */
  private get isText(): boolean {
    return (this.headers.first & 8) === 0 && this.opening === (0x80 | OPCODE.TEXT);
  }

  /** The frame has come. Its payload, or all of the message, is `length` bytes from `start` on. */
  private endFrame(source: Uint8Array, start: number, length: number, where: number): void {
    const { headers } = this;
    const { first, payload } = headers;
    const isLast = first >= 0x80;
    this.isInPayload = false;
    headers.begin();
    if (isLast) {
      this.whole = where;
      this.start = start;
      this.length = length;
    }
    if ((first & 8) !== 0) {
      if ((first & 15) === OPCODE.CLOSE) this.endStream(source, start, length);
      return;
    }
    headers.isFragmented = !isLast;
    headers.joined = isLast ? 0 : headers.joined + payload;
    if (isLast && this.utf8 !== 0) throw notUtf8(this.position, "the end of a text");
  }

  private endStream(source: Uint8Array, start: number, length: number): void {
    this.isOver = true;
    if (length === 0) return;
    const { u8, i32, at } = this.words.of(source, start);
    const error = closeError(u8, i32, at, length, this.position - length);
    if (error !== undefined) throw error;
  }

  /** Begins anew after what is whole. Returns its first byte, as if it were one frame. */
  finish(): number {
    const { first } = this.headers;
    this.whole = NOWHERE;
    if ((first & 8) !== 0) return first;
    this.fragments = 0;
    return this.opening;
  }

  /** Forgets all that has come. The next byte is the first one of a stream. */
  reset(): void {
    this.position = 0;
    this.isOver = false;
    this.headers.reset();
    this.begunBytes = 0;
    this.isInPayload = false;
    this.joined.clear();
    this.control.clear();
    this.fragments = 0;
    this.utf8 = 0;
    this.whole = NOWHERE;
  }

  private largerThanBlock(bytes: number): BufferError {
    const limit = ", which is the heap's largest block";
    return frameTooLarge(this.frameAt, bytes, this.joined.largest, TOO_BIG, limit);
  }
}

function notUtf8(position: number, got: string): BufferError {
  return malformedFrame(position, got, "UTF-8", INVALID_TEXT);
}

function tooManyFragments(position: number, got: number, maximum: number): BufferError {
  const expected = `at most ${maximum} frames`;
  const message = `the message at ${position} has ${got} frames or more; expected ${expected}`;
  const facts = { position, got, maximum, expected, ...POLICY };
  return new BufferError("ERR_TOO_LARGE", message, facts);
}

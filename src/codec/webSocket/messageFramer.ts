import {
  type Bytes,
  type BytesPool,
  hide,
  joinParts,
  type Part,
  shareBlock,
} from "../../buffers/internal.js";
import { checkNames } from "../checks.js";
import type { FrameScanner } from "../framing/cutter.js";
import { Framer } from "../framing/framer.js";
import type { Pending } from "../framing/pending.js";
import type { WebSocketOptions } from "./framer.js";
import { WebSocketMessage } from "./message.js";
import { IN_PLACE, KEPT, MessageReader, NOWHERE } from "./messageReader.js";
import { keepShape } from "./shapes.js";

/** What a `WebSocketMessageFramer` accepts. */
export interface WebSocketMessageOptions extends WebSocketOptions {
  /** The most bytes of a message, all its fragments together; more is ERR_TOO_LARGE. */
  readonly maximum: number;
  /** The most frames of a message; more is ERR_TOO_LARGE. Default 65536. */
  readonly maximumFragments?: number | undefined;
}

const NAMES: readonly (keyof WebSocketMessageOptions)[] = [
  "role",
  "maximum",
  "maximumFragments",
  "rsv",
  "copyBelow",
];

/**
 * Reads the messages of a WebSocket connection (RFC 6455): it joins fragments, and hands out
 * control frames at once, also those that come between fragments. It checks all that
 * `WebSocketFramer` does, and that text is UTF-8, at each byte that comes; but not a message with
 * reserved bits, which an extension decodes. Errors have the `closeCode` to be sent: 1002; 1007 for
 * what is no UTF-8; 1009 for a message that is too large, as soon as a header says so; 1008 for too
 * many fragments. A close frame ends the stream: whatever follows is ignored, until `reset`.
 *
 * A message of one frame that lies within one chunk is handed out from there, as `WebSocketFramer`
 * does with a frame; `push` and `scan` unmask it in place. Any other one is joined in one block,
 * which has at most twice the bytes that have come (or 256). The time is in proportion to the
 * bytes. A stream (`toTransformStream`) copies every message to a block of its own. `rest` drops
 * the fragments of a message that has begun.
 */
export class WebSocketMessageFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<
  WebSocketMessage<B>,
  B
> {
  private readonly reader: MessageReader<B>;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, options: WebSocketMessageOptions) {
    super(pool, checkNames(options, NAMES).copyBelow);
    this.reader = new MessageReader(pool, options);
    keepShape(this, pool, (payload) => new WebSocketMessage(0, payload));
    hide<object>(this, "reader" as never);
  }

  /** How many bytes are kept of a message, a control frame and a header that lack some. */
  override get keptBytes(): number {
    return this.reader.keptBytes;
  }

  /** @internal */
  override dress(payload: Bytes<B>, first: number): WebSocketMessage<B> {
    return new WebSocketMessage(first, payload);
  }

  protected override take(
    source: Uint8Array,
    from: number,
    end: number,
    part: Part<B> | undefined,
    isFrozen: boolean,
    onFrame: (message: WebSocketMessage<B>) => void,
  ): void {
    const { reader, run } = this;
    const isShared = part !== undefined && !(isFrozen && reader.isServer);
    const least = isShared ? this.copyBelow : Number.POSITIVE_INFINITY;
    let at = from;
    while (at < end && run === this.run && !this.isOver) {
      at = this.step(source, at, end, least);
      if (reader.whole !== NOWHERE) onFrame(this.message(part, isFrozen));
    }
    if (this.isOver) this.start += end - at;
  }

  protected override scanTo(
    source: Uint8Array,
    from: number,
    end: number,
    onFrame: FrameScanner,
  ): number {
    const { reader, run } = this;
    let at = from;
    while (at < end && run === this.run && !this.isOver) {
      at = this.step(source, at, end, 0);
      if (reader.whole === IN_PLACE) onFrame(source, reader.start, reader.length, reader.finish());
      else if (reader.whole === KEPT) this.scanJoined(onFrame);
    }
    if (!this.isOver) return at;
    this.start += end - at;
    return end;
  }

  protected override cutFront(pending: Pending<B>): number {
    const front = pending.front();
    pending.skip(this.step(front, 0, front.length, Number.POSITIVE_INFINITY));
    return this.reader.whole === NOWHERE ? -1 : 0;
  }

  protected override keptFrame(): WebSocketMessage<B> {
    return this.message(undefined, false);
  }

  protected override get isBegun(): boolean {
    return this.reader.endError() !== undefined;
  }

  protected override findLast(): void {
    const error = this.reader.endError();
    if (error !== undefined) throw error;
  }

  /** The framer is closed. */
  protected override begin(): void {
    this.reader.reset();
  }

  private step(source: Uint8Array, at: number, end: number, least: number): number {
    const { reader } = this;
    const next = reader.step(source, at, end, least);
    this.start += next - at;
    this.isOver = reader.isOver;
    return next;
  }

  private message(part: Part<B> | undefined, isFrozen: boolean): WebSocketMessage<B> {
    const { pool, reader } = this;
    const { length, start, whole } = reader;
    const first = reader.finish();
    let payload: Bytes<B>;
    if (whole === KEPT) payload = reader.keptOf(first).take(0, 0, this.copyBelow);
    else if (part === undefined || length === 0) payload = joinParts(pool, [], isFrozen);
    else payload = shareBlock(pool, part.block, start, length, isFrozen);
    return new WebSocketMessage(first, payload);
  }

  private scanJoined(onFrame: FrameScanner): void {
    const { pool, reader } = this;
    const { length, start } = reader;
    const first = reader.finish();
    // It is not kept from here on, because `onFrame` may close the framer.
    const ptr = reader.keptOf(first).detach();
    try {
      onFrame(pool.heap.u8, start, length, first);
    } finally {
      pool.heap.free(ptr);
    }
  }

  /* Frames that continue are no pieces of the stream to be kept whole, as the cutter keeps them. */
  protected override find(): number {
    throw unused();
  }
  protected override isWhole(): boolean {
    throw unused();
  }
  protected override most(): number {
    throw unused();
  }
  protected override expected(): string {
    throw unused();
  }
  protected override wrap(): WebSocketMessage<B> {
    throw unused();
  }
}

function unused(): Error {
  return new Error("a framer of messages has its own search");
}

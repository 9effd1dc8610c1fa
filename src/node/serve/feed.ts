import { Buffer } from "node:buffer";
import type { BytesPool } from "../../buffers/index.js";
import { type Bytes, startOf } from "../../buffers/internal.js";
import type { Framer, FrameScanner, Releasable } from "../../codec/index.js";
import { BufferError } from "../../index.js";
import { promiseOf } from "./program.js";

/** What a connection does with its frames. Exactly one of `handler` and `onFrame` is given. */
export interface FeedTarget<F> {
  readonly handler: ((frame: F) => unknown) | undefined;
  readonly onFrame: FrameScanner | undefined;
  /** Takes an error of the bytes, or one of the program. The connection is ended. */
  readonly onError: (error: unknown, isOfProgram: boolean) => void;
  /** Called when a handler has settled and nothing waits any more. */
  readonly onIdle: () => void;
  /** Called when the peer has ended its side and the last frame was dealt with. */
  readonly onFinished: () => void;
}

/**
 * Cuts what a connection receives, and hands the frames to the program one after the other. While
 * the promise of a handler is not settled, what has come is not cut: the handler may say that
 * another framer goes on.
 */
export class Feed<F extends Releasable> {
  private readonly pool: BytesPool;
  private readonly target: FeedTarget<F>;
  private framer: Framer<F>;
  /** Takes frames where they lie. */
  private scanner: FrameScanner;
  private readonly take: (frame: F) => void;
  /** What has come and was not cut, in one piece. */
  private waiting: Bytes | undefined;
  /** The bytes of its block, of which it may be the end. */
  private waitingBytes: number;
  /** What a framer had kept when another one took its place. */
  private carried: Bytes | undefined;
  /** The framer whose frames are being handed out. */
  private cutter: Framer<F> | undefined;
  private isHandling: boolean;
  /** Whether nothing is to be cut until `release`. */
  isHeld: boolean;
  private hasEnded: boolean;
  private isClosed: boolean;

  constructor(framer: Framer<F>, pool: BytesPool, target: FeedTarget<F>) {
    this.pool = pool;
    this.target = target;
    this.take = (frame) => this.handle(frame);
    this.framer = framer;
    this.scanner = this.scannerOf(framer);
    this.waiting = undefined;
    this.waitingBytes = 0;
    this.carried = undefined;
    this.cutter = undefined;
    this.isHandling = false;
    this.isHeld = false;
    this.hasEnded = false;
    this.isClosed = false;
  }

  /** Whether a handler has not settled yet, or bytes wait for the next turn. */
  get isBusy(): boolean {
    return this.isStopped || this.waiting !== undefined;
  }

  /** How many bytes are kept of a frame whose end has not come. */
  get keptBytes(): number {
    return this.framer.keptBytes;
  }

  /** How many bytes of the pool it holds. */
  get heldBytes(): number {
    return this.framer.keptBytes + (this.waiting === undefined ? 0 : this.waitingBytes);
  }

  /** Takes the next bytes, which are `length` bytes of the heap from `start` on. */
  receive(start: number, length: number): void {
    if (this.isClosed) return;
    try {
      if (this.cutter !== undefined || this.isBusy) {
        this.wait([this.waiting, this.copyOf(start, length)]);
      } else {
        const taken = this.cut(start, length);
        if (!this.isPaused) return;
        const rest = taken < length ? this.copyOf(start + taken, length - taken) : undefined;
        this.wait([this.carried, rest]);
      }
    } catch (error) {
      this.target.onError(error, false);
    }
    this.goOn();
  }

  /** Cuts nothing more after the frame that is handed out, until `release`. */
  hold(): void {
    this.isHeld = true;
    this.framer.pause();
  }

  /** Goes on after `hold`. */
  release(): void {
    this.isHeld = false;
    this.goOn();
  }

  /** Takes the end of the stream. */
  end(): void {
    this.hasEnded = true;
    this.goOn();
  }

  /** Lets another framer go on with what has come after the frame that was handed out last. */
  switchTo(framer: Framer<F>): void {
    if (this.isClosed) return;
    const kept = this.framer.takeKept();
    this.framer = framer;
    this.scanner = this.scannerOf(framer);
    if (kept.length === 0) {
      kept.release();
    } else if (this.cutter !== undefined) {
      this.carried = kept;
    } else {
      try {
        this.wait([kept, this.waiting]);
      } catch (error) {
        this.target.onError(error, false);
      }
      process.nextTick(() => this.goOn());
    }
  }

  /**
   * Returns a copy of what has come after the frame that was handed out last, and closes.
   * @throws {BufferError} ERR_INVALID_ARGUMENT if another framer got it in the same call;
   * ERR_CLOSED if the program has closed the framer; {HeapError} ERR_HEAP_EXHAUSTED
   */
  detach(): Uint8Array {
    const { cutter, framer, waiting } = this;
    if (cutter !== undefined && cutter !== framer) {
      const message = "switchTo() gave what follows this frame to another framer";
      throw new BufferError("ERR_INVALID_ARGUMENT", message);
    }
    const rest = cutter === undefined ? framer.takeKept() : framer.rest();
    try {
      const parts = [rest.toUnshared()];
      if (waiting !== undefined) parts.push(waiting.toUnshared());
      this.close();
      return Buffer.concat(parts);
    } finally {
      rest.release();
    }
  }

  /** Releases what waits. Nothing is handed out any more. */
  close(): void {
    this.isClosed = true;
    this.framer[Symbol.dispose]();
    this.waiting?.release();
    this.waiting = undefined;
    this.carried?.release();
    this.carried = undefined;
  }

  /** Whether no frame may be handed out now. */
  private get isStopped(): boolean {
    return this.isHandling || this.isHeld;
  }

  /** Whether what was not cut is to be cut later. A framer that the program closed drops it. */
  private get isPaused(): boolean {
    return !this.isClosed && (this.isStopped || this.carried !== undefined);
  }

  /** Cuts bytes of the heap until all are cut or a handler is awaited. Returns how many. */
  private cut(start: number, length: number): number {
    const { u8 } = this.pool.heap;
    let done = 0;
    try {
      while (done < length) {
        const { framer } = this;
        this.cutter = framer;
        done += framer.scan(u8, start + done, length - done, this.scanner);
        if (framer === this.framer || this.isStopped || this.carried !== undefined) break;
      }
    } finally {
      this.cutter = undefined;
    }
    return done;
  }

  private handle(frame: F): void {
    const { handler, onError } = this.target;
    let result: Promise<unknown> | undefined;
    try {
      result = promiseOf(handler?.(frame));
    } catch (error) {
      onError(error, true);
      return;
    }
    if (result === undefined) return;
    this.isHandling = true;
    this.framer.pause();
    const settle = (): void => {
      this.isHandling = false;
      this.goOn();
      if (!this.isBusy) this.target.onIdle();
    };
    result.then(settle, (error) => {
      onError(error, true);
      settle();
    });
  }

  /** Cuts what waits, and then the end, until a handler is awaited. */
  private goOn(): void {
    if (this.cutter !== undefined) return;
    try {
      while (!this.isStopped && !this.isClosed) {
        if (this.waiting !== undefined) this.cutWaiting(this.waiting);
        else if (this.hasEnded) this.finish();
        else break;
      }
    } catch (error) {
      this.target.onError(error, false);
    }
  }

  private cutWaiting(bytes: Bytes): void {
    // `close` would release it while it is cut.
    this.waiting = undefined;
    try {
      const taken = this.cut(startOf(bytes), bytes.length);
      if (this.isClosed) return;
      const rest = this.isPaused && taken < bytes.length ? bytes.slice(taken) : undefined;
      this.wait([this.carried, rest, this.waiting]);
    } finally {
      bytes.release();
    }
  }

  /** Hands out what ends with the stream. */
  private finish(): void {
    const { framer, scanner } = this;
    this.cutter = framer;
    try {
      framer.endScan(scanner);
    } finally {
      this.cutter = undefined;
    }
    if (this.isClosed) return;
    this.wait([this.carried, this.waiting]);
    if (framer !== this.framer || this.isBusy) return;
    this.hasEnded = false;
    this.target.onFinished();
  }

  /** Lets bytes wait, in order and in one piece. Those that are given are released. */
  private wait(given: readonly (Bytes | undefined)[]): void {
    this.carried = undefined;
    const parts = given.filter((bytes) => bytes !== undefined);
    this.waiting = parts[0];
    this.waitingBytes = Math.max(this.waitingBytes, parts[0]?.length ?? 0);
    if (parts.length === 0) this.waitingBytes = 0;
    if (parts.length < 2) return;
    const [first, ...others] = parts as [Bytes, ...Bytes[]];
    this.waiting = undefined;
    try {
      const chain = first.concat(...others);
      parts.push(chain);
      this.waiting = chain.compact();
      this.waitingBytes = chain.length;
    } finally {
      for (const part of parts) part.release();
    }
  }

  private copyOf(start: number, length: number): Bytes {
    const copy = this.pool.allocUnsafe(length);
    this.pool.heap.u8.copyWithin(startOf(copy), start, start + length);
    return copy;
  }

  /**
   * Returns what takes frames where they lie. For a handler it copies each to a block of its own,
   * which takes half the time of `push`.
   */
  private scannerOf(framer: Framer<F>): FrameScanner {
    const { onFrame } = this.target;
    if (onFrame !== undefined) return onFrame;
    const { pool, take } = this;
    const { u8 } = pool.heap;
    return (view, offset, length, first) => {
      const frame = pool.allocUnsafe(length);
      if (view === u8) u8.copyWithin(startOf(frame), offset, offset + length);
      else frame.write(view.subarray(offset, offset + length));
      take(framer.dress(frame, first));
    };
  }
}

import type { BytesPool } from "../../buffers/index.js";
import { startOf } from "../../buffers/internal.js";
import type { Framer, FrameScanner, Releasable } from "../../codec/index.js";
import { promiseOf } from "./program.js";

/** The handle and the block of a small frame. Of larger ones few fit into what is read at once. */
const FRAME_BYTES = 128;

/**
 * Hands frames to a handler one after the other. If the handler returns a promise, the frames after
 * that one wait until it is settled.
 */
export class FrameQueue<F extends Releasable> {
  /** Takes the next frame. */
  readonly push: (frame: F) => void;
  private readonly handler: (frame: F) => unknown;
  private readonly onError: (error: unknown) => void;
  private readonly onIdle: () => void;
  /** The frames that wait, from `next` on. Those before it were handed out. */
  private readonly frames: F[];
  private next: number;
  private isHandling: boolean;

  /** @param onIdle called when nothing waits any more, after something has */
  constructor(
    handler: (frame: F) => unknown,
    onError: (error: unknown) => void,
    onIdle: () => void,
  ) {
    this.handler = handler;
    this.onError = onError;
    this.onIdle = onIdle;
    this.frames = [];
    this.next = 0;
    this.isHandling = false;
    this.push = (frame) => {
      if (this.isHandling) this.frames.push(frame);
      else this.handle(frame);
    };
  }

  /** Whether a handler has not settled yet. */
  get isBusy(): boolean {
    return this.isHandling;
  }

  /** How much memory the frames that wait take, by and large. */
  get heldBytes(): number {
    return FRAME_BYTES * (this.frames.length - this.next);
  }

  /** Releases the frames that wait. No more come, because the framer is closed first. */
  close(): void {
    const { next } = this;
    this.next = 0;
    for (const frame of this.frames.splice(0).slice(next)) frame.release();
  }

  private handle(frame: F): void {
    let result: Promise<unknown> | undefined;
    try {
      result = promiseOf(this.handler(frame));
    } catch (error) {
      this.onError(error);
      return;
    }
    if (result === undefined) return;
    this.isHandling = true;
    result.then(
      () => this.goOn(),
      (error) => {
        this.onError(error);
        this.goOn();
      },
    );
  }

  private goOn(): void {
    this.isHandling = false;
    const { frames } = this;
    while (this.next < frames.length && !this.isHandling) this.handle(frames[this.next++] as F);
    if (this.next === frames.length) {
      frames.length = 0;
      this.next = 0;
    }
    if (!this.isHandling) this.onIdle();
  }
}

/**
 * Returns what copies each frame of `scan` to a block of its own, in half the time of `push`;
 * undefined for frames that are more than `Bytes`.
 */
export function copyFrames<F extends Releasable>(
  framer: Framer<F>,
  pool: BytesPool,
  take: (frame: F) => void,
): FrameScanner | undefined {
  if (!framer.isPlain) return undefined;
  const { u8 } = pool.heap;
  return (view, offset, length) => {
    const frame = pool.allocUnsafe(length);
    if (view === u8) u8.copyWithin(startOf(frame), offset, offset + length);
    else frame.write(view.subarray(offset, offset + length));
    take(frame as unknown as F);
  };
}

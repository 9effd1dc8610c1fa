import { type Duplex, Transform, type TransformCallback } from "node:stream";
import { invalid } from "../buffers/errors.js";
import type { Bytes } from "../buffers/index.js";
import type { Framer, Releasable } from "../codec/index.js";

/**
 * Returns a `Transform` from `Bytes` or `Buffer`s to frames, for `pipeline`. Whoever reads a frame
 * releases it. The stream takes the next chunk when all frames of the last one were asked for. If
 * it is destroyed, frames that nobody has read are released. An error of the bytes comes after the
 * frames before it.
 */
export function framesOf<F extends Releasable, B extends ArrayBufferLike>(
  framer: Framer<F, B>,
): Transform {
  const { push, end } = (framer ?? {}) as Partial<Framer<F, B>>;
  if (typeof push !== "function" || typeof end !== "function") {
    throw invalid("framer", framer, "a framer");
  }
  return new FrameTransform(framer);
}

class FrameTransform<F extends Releasable, B extends ArrayBufferLike> extends Transform {
  private readonly framer: Framer<F, B>;
  private frames: F[];
  /** How many of `frames` were pushed. */
  private taken: number;
  private failure: Error | undefined;
  private done: TransformCallback | undefined;

  constructor(framer: Framer<F, B>) {
    super({ objectMode: true, writableHighWaterMark: 1, readableHighWaterMark: 1 });
    this.framer = framer;
    this.frames = [];
    this.taken = 0;
    this.failure = undefined;
    this.done = undefined;
  }

  override _transform(
    chunk: Bytes<B> | Uint8Array,
    _encoding: BufferEncoding,
    done: TransformCallback,
  ): void {
    try {
      this.framer.push(chunk, (frame) => this.frames.push(frame));
    } catch (error) {
      this.failure = error as Error;
    }
    this.done = done;
    this.pump();
  }

  override _read(size: number): void {
    this.pump();
    super._read(size);
  }

  /** Every reader calls this. Node does not call `_read` of a stream that pushes nothing more. */
  override read(size?: number): unknown {
    const frame: unknown = super.read(size);
    if (this.failure !== undefined && frame === null) process.nextTick(() => this.pump());
    return frame;
  }

  override _flush(done: TransformCallback): void {
    try {
      this.framer.end((frame) => this.frames.push(frame));
    } catch (error) {
      this.failure = error as Error;
    }
    this.done = done;
    this.pump();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.framer[Symbol.dispose]();
    for (const frame of this.frames.splice(0).slice(this.taken)) frame.release();
    releaseBuffered(this);
    super._destroy(error, done);
  }

  private pump(): void {
    while (this.taken < this.frames.length) {
      if (!this.push(this.frames[this.taken++])) break;
    }
    const { done, failure } = this;
    if (this.taken < this.frames.length || done === undefined) return;
    // The failure would discard a frame that was pushed and is not read yet.
    if (failure !== undefined && this.readableLength > 0) return;
    this.frames = [];
    this.taken = 0;
    this.done = undefined;
    done(failure);
  }
}

/** Releases what was pushed and not read, and what was written and not taken. */
export function releaseBuffered(stream: Duplex): void {
  const { _readableState, _writableState } = stream as unknown as {
    _readableState: { buffer: Iterable<unknown> };
    _writableState: { getBuffer(): readonly { chunk: unknown }[] };
  };
  for (const frame of _readableState.buffer) releaseIt(frame);
  for (const { chunk } of _writableState.getBuffer()) releaseIt(chunk);
}

/** Releases what can be released. A program may write anything to a stream of objects. */
function releaseIt(chunk: unknown): void {
  const { release } = (chunk ?? {}) as Partial<Releasable>;
  if (typeof release === "function") (chunk as Releasable).release();
}

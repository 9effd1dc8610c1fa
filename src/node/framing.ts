import { type Duplex, Transform, type TransformCallback } from "node:stream";
import type { Bytes } from "../buffers/index.js";
import type { Framer, Releasable } from "../codec/index.js";

/**
 * A `Transform` of `Bytes` or `Buffer`s to frames, for `pipeline`. Each frame is released by who
 * reads it. The next chunk is taken when all frames of the last one have been asked for; what
 * nobody has read when the stream is destroyed is released. An error of the bytes comes after the
 * frames before it.
 */
export function framesOf<F extends Releasable, B extends ArrayBufferLike>(
  framer: Framer<F, B>,
): Transform {
  return new FrameTransform(framer);
}

class FrameTransform<F extends Releasable, B extends ArrayBufferLike> extends Transform {
  private readonly framer: Framer<F, B>;
  private frames: F[];
  /** Of `frames`, how many have been pushed. */
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

  /** All that read come here. Of a stream that has nothing more to push, Node calls no `_read`. */
  override read(size?: number): unknown {
    const frame: unknown = super.read(size);
    if (this.failure !== undefined && frame === null) process.nextTick(() => this.pump());
    return frame;
  }

  override _flush(done: TransformCallback): void {
    try {
      this.framer.end();
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
    // A frame that was pushed and not read would be lost with the failure.
    if (failure !== undefined && this.readableLength > 0) return;
    this.frames = [];
    this.taken = 0;
    this.done = undefined;
    done(failure);
  }
}

/** What was pushed and not read, and what was written and not taken. */
export function releaseBuffered(stream: Duplex): void {
  const { _readableState, _writableState } = stream as unknown as {
    _readableState: { buffer: Iterable<unknown> };
    _writableState: { getBuffer(): readonly { chunk: unknown }[] };
  };
  for (const frame of _readableState.buffer) if (frame) (frame as Releasable).release();
  for (const { chunk } of _writableState.getBuffer()) {
    if (!(chunk instanceof Uint8Array)) (chunk as Releasable).release();
  }
}

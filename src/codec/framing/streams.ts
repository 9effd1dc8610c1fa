import type { Bytes } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";

/** What a framer hands out: `Bytes`, or an object that holds some. */
export interface Releasable {
  /** Releases the bytes. */
  release(): void;
}

/** What a pair of streams needs of a framer. */
interface FrameSource<F, B extends ArrayBufferLike> {
  watchRest(onRest: () => void): void;
  supply(chunk: Bytes<B> | Uint8Array): void;
  supplyLast(): void;
  hasNext(): boolean;
  next(): F;
  [Symbol.dispose](): void;
}

/** Runtimes have these. Their types come from libraries that this one does not require. */
interface ReadableController {
  enqueue(value: unknown): void;
  close(): void;
  error(reason: unknown): void;
}
interface WritableController {
  readonly signal?: { addEventListener(name: "abort", listener: () => void): void };
  error(reason: unknown): void;
}
declare const ReadableStream: new (
  source: {
    start(controller: ReadableController): void;
    pull(): void | Promise<void>;
    cancel(reason: unknown): void;
  },
  strategy: { highWaterMark: number },
) => object;
declare const WritableStream: new (
  sink: {
    start(controller: WritableController): void;
    write(chunk: unknown): Promise<void>;
    close(): Promise<void>;
    abort(reason: unknown): void;
  },
  strategy: { highWaterMark: number },
) => object;

/** The type of a stream, if the program has it from `lib.dom` or `@types/node`; else `object`. */
type Global<Name extends string> = typeof globalThis extends {
  [name in Name]: { prototype: infer Stream };
}
  ? Stream
  : object;

/** A pair of web streams for `ReadableStream.pipeThrough`. */
export interface FrameStream {
  readonly readable: Global<"ReadableStream">;
  readonly writable: Global<"WritableStream">;
}

/** A `TransformStream` that fails would drop the frames in its queue. This pair releases them. */
class Pair<F extends Releasable, B extends ArrayBufferLike> {
  readonly framer: FrameSource<F, B>;
  private isReady: boolean;
  private reader: ReadableController | undefined;
  private writer: WritableController | undefined;
  private failure: { readonly error: unknown } | undefined;
  private isOver: boolean;
  private wakeReader: () => void;
  private wakeWriter: () => void;

  constructor(framer: FrameSource<F, B>) {
    this.framer = framer;
    this.isReady = false;
    this.reader = undefined;
    this.writer = undefined;
    this.failure = undefined;
    this.isOver = false;
    this.wakeReader = nothing;
    this.wakeWriter = nothing;
    framer.watchRest(() => this.handOver());
  }

  startReader(controller: ReadableController): void {
    this.reader = controller;
  }

  startWriter(controller: WritableController): void {
    this.writer = controller;
    // A write that waits for the reader would delay the abort.
    controller.signal?.addEventListener("abort", () => this.stop());
  }

  /** Cuts one frame, so the queue of the stream holds none that nobody asked for. */
  async pull(): Promise<void> {
    while (!this.isOver && !this.isReady) {
      await new Promise<void>((resolve) => (this.wakeReader = resolve));
    }
    if (this.isOver) return;
    this.isReady = this.attempt(() => {
      this.reader?.enqueue(this.framer.next());
      return this.framer.hasNext();
    });
    if (!this.isReady) this.wakeWriter();
  }

  write(chunk: Bytes<B> | Uint8Array): Promise<void> {
    return this.hand(() => this.framer.supply(chunk));
  }

  async close(): Promise<void> {
    await this.hand(() => this.framer.supplyLast());
    if (this.isOver) return;
    this.stop();
    this.reader?.close();
  }

  /** Supplies something, and waits until all frames of it were read. */
  private async hand(supply: () => void): Promise<void> {
    this.isReady = this.attempt(() => {
      supply();
      return this.framer.hasNext();
    });
    this.wakeReader();
    while (!this.isOver && this.isReady) {
      await new Promise<void>((resolve) => (this.wakeWriter = resolve));
    }
    if (this.isOver || this.failure === undefined) return;
    this.fail(this.failure.error);
    throw this.failure.error;
  }

  abort(reason: unknown): void {
    this.fail(reason);
  }

  cancel(reason: unknown): void {
    this.stop();
    this.writer?.error(reason);
  }

  /** Returns false if it throws: the error is for the writer, which waits until frames are read. */
  private attempt(action: () => boolean): boolean {
    try {
      return action();
    } catch (error) {
      this.failure = { error };
      return false;
    }
  }

  /** The program has taken the rest: both streams are over. */
  private handOver(): void {
    if (this.isOver) return;
    this.stop();
    this.reader?.close();
    this.writer?.error(new BufferError("ERR_CLOSED", "rest() has ended this stream"));
  }

  private fail(error: unknown): void {
    this.stop();
    this.reader?.error(error);
  }

  /** Releases everything and wakes the reader and the writer. */
  private stop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.framer[Symbol.dispose]();
    this.isReady = false;
    this.wakeReader();
    this.wakeWriter();
  }
}

/** Returns the pair of streams for a framer. */
export function streamOf<F extends Releasable, B extends ArrayBufferLike>(
  framer: FrameSource<F, B>,
): FrameStream {
  const pair = new Pair<F, B>(framer);
  const readable = new ReadableStream(
    {
      start: (controller) => pair.startReader(controller),
      pull: () => pair.pull(),
      cancel: (reason) => pair.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream(
    {
      start: (controller) => pair.startWriter(controller),
      write: (chunk) => pair.write(chunk as Bytes<B> | Uint8Array),
      close: () => pair.close(),
      abort: (reason) => pair.abort(reason),
    },
    { highWaterMark: 1 },
  );
  return { readable, writable } as FrameStream;
}

function nothing(): void {}

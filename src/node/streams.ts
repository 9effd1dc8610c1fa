import type { Socket } from "node:net";
import { Duplex, type Readable, type Writable } from "node:stream";
import { outOfRange } from "../buffers/errors.js";
import type { Bytes, BytesPool } from "../buffers/index.js";
import { BufferError } from "../index.js";
import { readInto } from "./accept.js";
import { releaseBuffered } from "./framing.js";
import { writeBytes } from "./write.js";

/** How many bytes are read at once. */
const CHUNK_BYTES = 16384;
const LEAST_CHUNK_BYTES = 16;
/** How many chunks wait for the reader before the socket is paused. */
const HIGH_WATER = 16;

/** Takes one block at a time for the reads of a socket, until a quarter of it is left. */
class ChunkSource<B extends ArrayBufferLike> {
  private readonly pool: BytesPool<B>;
  private readonly chunkBytes: number;
  private chunk: Bytes<B> | undefined;

  constructor(pool: BytesPool<B>, chunkBytes: number) {
    const most = pool.heap.u8.length;
    if (!Number.isInteger(chunkBytes) || chunkBytes < LEAST_CHUNK_BYTES || chunkBytes > most) {
      throw outOfRange("chunkBytes", chunkBytes, LEAST_CHUNK_BYTES, most);
    }
    this.pool = pool;
    this.chunkBytes = chunkBytes;
    this.chunk = undefined;
  }

  /** Returns the memory for the next read. @throws {HeapError} ERR_HEAP_EXHAUSTED */
  buffer(): Uint8Array {
    this.chunk ??= this.pool.allocUnsafe(this.chunkBytes);
    return this.chunk.view();
  }

  /** Returns the `length` bytes that were read. */
  take(length: number): Bytes<B> {
    const chunk = this.chunk as Bytes<B>;
    const head = chunk.split(length);
    if (chunk.length < this.chunkBytes >> 2) this.release();
    return head;
  }

  release(): void {
    this.chunk?.release();
    this.chunk = undefined;
  }
}

/** A connection as a stream of bytes, in both directions. */
export interface BytesSocket<B extends ArrayBufferLike> extends AsyncIterable<Bytes<B>> {
  /** The socket that has the connection now. */
  readonly socket: Socket;
  /**
   * Returns the iterator over the chunks, which is the same one for all readers, so each chunk goes
   * to one of them. To leave a loop over it, which calls `return`, closes the connection and
   * releases the chunks that nobody has read.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Bytes<B>, undefined>;
  /**
   * Writes bytes, and releases them when they are flushed. Resolves when there is room for more. If
   * the connection was ended or closed, it releases the bytes and rejects with the error of the
   * connection or with ERR_CLOSED. Node ends a connection when its peer does, unless
   * `allowHalfOpen` is set.
   */
  write(bytes: Bytes): Promise<void>;
  /** Ends the connection when everything is written. */
  end(): void;
}

/**
 * Reads an accepted connection of a server with `pauseOnConnect: true` straight into blocks of a
 * heap, of `chunkBytes` each. Whoever takes a chunk releases it. A slow reader pauses the socket.
 * If the heap is full, the connection is closed and its reader gets ERR_HEAP_EXHAUSTED.
 * @throws {BufferError} ERR_OUT_OF_RANGE
 */
export function bytesOf<B extends ArrayBufferLike>(
  accepted: Socket,
  pool: BytesPool<B>,
  chunkBytes: number = CHUNK_BYTES,
): BytesSocket<B> {
  const chunks = new Chunks(accepted, pool, chunkBytes);
  const { socket } = chunks;
  return {
    socket,
    [Symbol.asyncIterator]: () => chunks,
    write: (bytes) => writeWhenRoom(socket, bytes),
    end: () => socket.end(),
  };
}

/** The chunks that come on a connection. */
class Chunks<B extends ArrayBufferLike> implements AsyncIterableIterator<Bytes<B>, undefined> {
  readonly socket: Socket;
  private readonly source: ChunkSource<B>;
  private readonly waiting: Bytes<B>[];
  private failure: Error | undefined;
  /** Nothing more comes. */
  private isOver: boolean;
  /** The reader has stopped. */
  private isClosed: boolean;
  private readonly sleepers: (() => void)[];

  constructor(accepted: Socket, pool: BytesPool<B>, chunkBytes: number) {
    this.source = new ChunkSource(pool, chunkBytes);
    this.waiting = [];
    this.failure = undefined;
    this.isOver = false;
    this.isClosed = false;
    this.sleepers = [];
    this.socket = readInto(accepted, {
      buffer: () => this.buffer(),
      onRead: (length) => this.arrive(length),
    });
    this.socket.on("error", (error) => {
      this.failure ??= error;
    });
    const finish = (): void => {
      this.isOver = true;
      this.source.release();
      this.wake();
    };
    this.socket.on("end", finish);
    this.socket.on("close", finish);
  }

  async next(): Promise<IteratorResult<Bytes<B>, undefined>> {
    const { waiting } = this;
    while (!this.isClosed) {
      const value = waiting.shift();
      if (value !== undefined) {
        if (waiting.length === HIGH_WATER - 1) this.socket.resume();
        return { value, done: false };
      }
      if (this.failure !== undefined) {
        this.close();
        throw this.failure;
      }
      if (this.isOver) break;
      await new Promise<void>((resolve) => this.sleepers.push(resolve));
    }
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<Bytes<B>, undefined>> {
    this.close();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private close(): void {
    this.isClosed = true;
    for (const bytes of this.waiting.splice(0)) bytes.release();
    if (!this.isOver) this.socket.destroy();
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.sleepers.splice(0)) resolve();
  }

  /** Called by the socket. An error thrown there would end the process. */
  private buffer(): Uint8Array {
    try {
      return this.source.buffer();
    } catch (error) {
      this.failure ??= error as Error;
      // The constructor of the socket calls this, too.
      process.nextTick(() => {
        this.socket.destroy();
        this.wake();
      });
      return new Uint8Array(CHUNK_BYTES);
    }
  }

  private arrive(length: number): boolean {
    if (this.failure !== undefined) return false;
    const bytes = this.source.take(length);
    if (this.isClosed) bytes.release();
    else this.waiting.push(bytes);
    this.wake();
    return this.waiting.length < HIGH_WATER;
  }
}

async function writeWhenRoom(stream: Writable, bytes: Bytes): Promise<void> {
  if (!stream.writable) {
    bytes.release();
    throw stream.errored ?? notWritten();
  }
  if (writeBytes(stream, bytes)) return;
  await new Promise<void>((resolve, reject) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      // A stream that was ended meanwhile closes without "drain" when everything is written.
      if (stream.destroyed && !stream.writableFinished) reject(stream.errored ?? notWritten());
      else resolve();
    };
    stream.on("drain", done).on("close", done);
    if (stream.destroyed) done();
  });
}

function notWritten(): BufferError {
  return new BufferError(
    "ERR_CLOSED",
    "the connection was ended or closed; it takes no more bytes",
  );
}

/** Copies the chunks of any readable stream of Node into a heap. Their reader releases them. */
export async function* readBytes<B extends ArrayBufferLike>(
  stream: Readable,
  pool: BytesPool<B>,
): AsyncGenerator<Bytes<B>, void, undefined> {
  for await (const chunk of stream) yield pool.from(chunk as Uint8Array | string);
}

/**
 * Returns a `Duplex` in object mode over a connection, for `pipeline` with framers in between. Its
 * reader releases the `Bytes` that it gives. It releases the `Bytes` that it takes when they are
 * flushed.
 * @throws {BufferError} ERR_OUT_OF_RANGE
 */
export function duplexOf<B extends ArrayBufferLike>(
  accepted: Socket,
  pool: BytesPool<B>,
  chunkBytes?: number,
): Duplex {
  const connection = bytesOf(accepted, pool, chunkBytes);
  const chunks = connection[Symbol.asyncIterator]();
  return new Duplex({
    objectMode: true,
    readableHighWaterMark: 1,
    read() {
      chunks.next().then(
        ({ value, done }) => {
          if (this.destroyed) value?.release();
          else this.push(done ? null : value);
        },
        (error: Error) => this.destroy(error),
      );
    },
    write(bytes: Bytes, _encoding, done) {
      connection.write(bytes).then(() => done(), done);
    },
    final(done) {
      connection.socket.end(done);
    },
    destroy(error, done) {
      void chunks.return?.();
      connection.socket.destroy();
      releaseBuffered(this);
      done(error);
    },
  });
}

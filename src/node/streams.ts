import type { Socket } from "node:net";
import { Duplex, type Readable, type Writable } from "node:stream";
import { invalid, outOfRange } from "../buffers/errors.js";
import type { Bytes, BytesPool } from "../buffers/index.js";
import { isBytes } from "../buffers/internal.js";
import { checkPool } from "../codec/checks.js";
import { BufferError } from "../index.js";
import { readInto } from "./accept.js";
import { releaseBuffered } from "./framing.js";
import { writeBytes } from "./write.js";

/** How many bytes are read at once. */
const CHUNK_BYTES = 16384;
const LEAST_CHUNK_BYTES = 16;
/** What is set aside for reading, at most; more is seldom there at once. */
const MOST_CHUNK_BYTES = 2 ** 20;
/** How many chunks wait for the reader before the socket is paused. */
const HIGH_WATER = 16;
/** How many bytes may wait to be written before no more is read. */
const MOST_WAITING_BYTES = 65536;

/**
 * All sockets read into this memory. What came is copied to a block of its size at once, so a
 * connection holds nothing while nothing comes.
 */
let readMemory = new Uint8Array(CHUNK_BYTES);

function readMemoryOf(chunkBytes: number): Uint8Array {
  const length = Math.min(chunkBytes, MOST_CHUNK_BYTES);
  if (readMemory.length < length) readMemory = new Uint8Array(length);
  return readMemory.subarray(0, length);
}

/** A connection as a stream of bytes, in both directions. */
export interface BytesSocket<B extends ArrayBufferLike, S extends Duplex = Socket>
  extends AsyncIterable<Bytes<B>> {
  /** The socket of the connection. */
  readonly socket: S;
  /**
   * Returns the iterator over the chunks, which is the same one for all readers, so each chunk goes
   * to one of them. To leave a loop over it, which calls `return`, closes the connection and
   * releases the chunks that nobody has read.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Bytes<B>, undefined>;
  /**
   * Takes bytes over: writes them, and releases them when they are flushed. Resolves when there is
   * room for more. If the connection was ended or closed, it releases the bytes and rejects with
   * the error of the connection or with ERR_CLOSED. Node ends a connection when its peer does,
   * unless `allowHalfOpen` is set. A rejection that nobody awaits does not end the process.
   * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_RELEASED, at once
   */
  write(bytes: Bytes): Promise<void>;
  /** Ends the connection when everything is written. */
  end(): void;
}

/**
 * Reads a socket, or any other `Duplex`, into blocks of a heap: each holds what came at once, at
 * most `chunkBytes`. Whoever takes a chunk releases it. A slow reader pauses the socket, and the
 * reader gets no chunk while more than 64 KiB wait to be written. If the heap is full, the
 * connection is closed and its reader gets ERR_HEAP_EXHAUSTED. A connection holds no memory of the
 * heap while nothing comes. See `readInto` for what a socket may be.
 * @throws {BufferError} ERR_OUT_OF_RANGE, and what `readInto` throws; the socket is as it was then
 */
export function bytesOf<B extends ArrayBufferLike, S extends Duplex = Socket>(
  socket: S,
  pool: BytesPool<B>,
  chunkBytes: number = CHUNK_BYTES,
): BytesSocket<B, S> {
  return openBytes(socket, pool, chunkBytes, MOST_WAITING_BYTES);
}

function openBytes<B extends ArrayBufferLike, S extends Duplex>(
  socket: S,
  pool: BytesPool<B>,
  chunkBytes: number,
  mostWaiting: number,
): BytesSocket<B, S> {
  const room = new Room(socket);
  const chunks = new Chunks(socket, pool, chunkBytes, () => room.less(mostWaiting));
  return {
    socket,
    [Symbol.asyncIterator]: () => chunks,
    write: (bytes) => room.write(bytes),
    end: () => void socket.end(),
  };
}

/** The chunks that come on a connection. */
class Chunks<B extends ArrayBufferLike> implements AsyncIterableIterator<Bytes<B>, undefined> {
  private readonly socket: Duplex;
  private readonly pool: BytesPool<B>;
  private readonly waiting: Bytes<B>[];
  private failure: Error | undefined;
  /** Nothing more comes. */
  private isOver: boolean;
  /** The reader has stopped. */
  private isClosed: boolean;
  private readonly sleepers: (() => void)[];
  /** Resolves when few enough bytes wait to be written; undefined if so at once. */
  private readonly room: () => Promise<void> | undefined;

  constructor(
    socket: Duplex,
    pool: BytesPool<B>,
    chunkBytes: number,
    room: () => Promise<void> | undefined,
  ) {
    checkPool(pool);
    const most = pool.heap.u8.length;
    if (!Number.isInteger(chunkBytes) || chunkBytes < LEAST_CHUNK_BYTES || chunkBytes > most) {
      throw outOfRange("chunkBytes", chunkBytes, LEAST_CHUNK_BYTES, most);
    }
    this.socket = socket;
    this.pool = pool;
    this.waiting = [];
    this.failure = undefined;
    this.isOver = false;
    this.isClosed = false;
    this.sleepers = [];
    this.room = room;
    const buffer = readMemoryOf(chunkBytes);
    readInto(socket, { buffer, onRead: (length, from) => this.arrive(from.subarray(0, length)) });
    this.isOver = socket.readableEnded;
    const finish = (): void => {
      this.isOver = true;
      this.wake();
    };
    socket.on("error", (error) => {
      this.failure ??= error;
      this.wake();
    });
    socket.on("end", finish);
    socket.on("close", finish);
  }

  async next(): Promise<IteratorResult<Bytes<B>, undefined>> {
    const { waiting } = this;
    const room = this.room();
    if (room !== undefined) await room;
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

  /** Called by the socket, which is destroyed if the heap is full. */
  private arrive(from: Uint8Array): boolean {
    if (this.isClosed) return false;
    this.waiting.push(this.pool.from(from));
    this.wake();
    return this.waiting.length < HIGH_WATER;
  }
}

/** A stream that is ended has no "drain", and one without `autoDestroy` has no "close". */
const EVENTS = ["drain", "finish", "error", "close"] as const;
const DONE = Promise.resolve();

/** Writes to a stream, and waits for room in it with one set of listeners for all writes. */
class Room {
  private readonly stream: Writable;
  /** Settles when there is room, or when the stream takes nothing more. */
  private waiting: Promise<void> | undefined;

  constructor(stream: Writable) {
    this.stream = stream;
    this.waiting = undefined;
  }

  write(bytes: Bytes): Promise<void> {
    const { stream } = this;
    if (!isBytes(bytes)) throw invalid("bytes", bytes, "Bytes");
    if (!stream.writable) {
      bytes.release();
      return refused(stream);
    }
    if (writeBytes(stream, bytes)) return DONE;
    if (stream.destroyed) return refused(stream);
    this.waiting ??= this.wait();
    return this.waiting;
  }

  /** Resolves when no more than so many bytes wait, or when the stream takes nothing more. */
  less(most: number): Promise<void> | undefined {
    if (this.stream.writableLength <= most || this.waiting === undefined) return undefined;
    return this.waiting.catch(() => {});
  }

  private wait(): Promise<void> {
    const { stream } = this;
    const waiting = new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        for (const event of EVENTS) stream.off(event, settle);
        this.waiting = undefined;
        const isLost = stream.errored || (stream.destroyed && !stream.writableFinished);
        if (isLost) reject(stream.errored ?? notWritten());
        else resolve();
      };
      for (const event of EVENTS) stream.on(event, settle);
    });
    waiting.catch(() => {});
    return waiting;
  }
}

function refused(stream: Writable): Promise<void> {
  const refusal = Promise.reject(stream.errored ?? notWritten());
  refusal.catch(() => {});
  return refusal;
}

function notWritten(): BufferError {
  return new BufferError(
    "ERR_CLOSED",
    "the connection was ended or closed; it takes no more bytes",
  );
}

/**
 * Copies the chunks of any readable stream of Node into a heap. Their reader releases them.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 * @throws {HeapError} ERR_HEAP_EXHAUSTED; what the stream throws
 */
export async function* readBytes<B extends ArrayBufferLike>(
  stream: Readable,
  pool: BytesPool<B>,
): AsyncGenerator<Bytes<B>, void, undefined> {
  if (typeof stream?.[Symbol.asyncIterator] !== "function") {
    throw invalid("stream", stream, "a Readable stream of Node");
  }
  checkPool(pool);
  for await (const chunk of stream) yield pool.from(chunk as Uint8Array | string);
}

/**
 * Returns a `Duplex` in object mode over a connection, for `pipeline` with framers in between. Its
 * reader releases the `Bytes` that it gives. It releases the `Bytes` that it takes when they are
 * flushed.
 * @throws {BufferError} what `bytesOf` throws
 */
export function duplexOf<B extends ArrayBufferLike, S extends Duplex = Socket>(
  socket: S,
  pool: BytesPool<B>,
  chunkBytes?: number,
): Duplex {
  // A tunnel reads on while its peer does not: the stream has its own back-pressure.
  const connection = openBytes(socket, pool, chunkBytes ?? CHUNK_BYTES, Infinity);
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
      try {
        connection.write(bytes).then(() => done(), done);
      } catch (error) {
        done(error as Error);
      }
    },
    final(done) {
      // Node may have ended it, after its peer.
      if (socket.writableFinished) done();
      else socket.end(done);
    },
    destroy(error, done) {
      void chunks.return?.();
      socket.destroy();
      releaseBuffered(this);
      done(error);
    },
  });
}

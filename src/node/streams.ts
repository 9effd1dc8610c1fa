import type { Socket } from "node:net";
import { Duplex, type Readable, type Writable } from "node:stream";
import type { Bytes, BytesPool } from "../buffers/index.js";
import { readInto } from "./accept.js";
import { writeBytes } from "./write.js";

/** Bytes that are read at once. */
const CHUNK_BYTES = 16384;
/** Chunks that wait for the reader before the socket is paused. */
const HIGH_WATER = 16;

/** Gives a reader a block at a time. Reads follow one another in it, until a quarter is left. */
class ChunkSource<B extends ArrayBufferLike> {
  private readonly pool: BytesPool<B>;
  private readonly chunkBytes: number;
  private chunk: Bytes<B> | undefined;

  constructor(pool: BytesPool<B>, chunkBytes: number) {
    this.pool = pool;
    this.chunkBytes = chunkBytes;
    this.chunk = undefined;
  }

  /** Where the next read goes to. */
  readonly buffer = (): Uint8Array => {
    this.chunk ??= this.pool.allocUnsafe(this.chunkBytes);
    return this.chunk.view();
  };

  /** The first `length` bytes of what was read. */
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
  /** Writes bytes and releases them when they are flushed; resolves when there is room for more. */
  write(bytes: Bytes): Promise<void>;
  end(): void;
}

/**
 * Reads a connection that a server (with `pauseOnConnect: true`) has accepted straight into blocks
 * of a heap. Each chunk is released by who takes it; a reader that is slow pauses the socket.
 */
export function bytesOf<B extends ArrayBufferLike>(
  accepted: Socket,
  pool: BytesPool<B>,
  chunkBytes: number = CHUNK_BYTES,
): BytesSocket<B> {
  const source = new ChunkSource(pool, chunkBytes);
  const waiting: Bytes<B>[] = [];
  let failure: Error | undefined;
  let isOver = false;
  let wake: () => void = () => {};
  const socket = readInto(accepted, {
    buffer: source.buffer,
    onRead(length) {
      waiting.push(source.take(length));
      wake();
      return waiting.length < HIGH_WATER;
    },
  });
  socket.on("error", (error) => {
    failure = error;
  });
  const finish = (): void => {
    isOver = true;
    source.release();
    wake();
  };
  socket.on("end", finish);
  socket.on("close", finish);
  async function* read(): AsyncGenerator<Bytes<B>, void, undefined> {
    try {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) {
          if (waiting.length === HIGH_WATER - 1) socket.resume();
          yield next;
        } else if (failure !== undefined) throw failure;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      for (const bytes of waiting.splice(0)) bytes.release();
      if (!isOver) socket.destroy();
    }
  }
  return {
    socket,
    [Symbol.asyncIterator]: read,
    write: (bytes) => writeWhenRoom(socket, bytes),
    end: () => socket.end(),
  };
}

async function writeWhenRoom(stream: Writable, bytes: Bytes): Promise<void> {
  if (writeBytes(stream, bytes) || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}

/** Any readable stream of Node's as chunks of a heap, each to be released by who takes it. */
export async function* readBytes<B extends ArrayBufferLike>(
  stream: Readable,
  pool: BytesPool<B>,
): AsyncGenerator<Bytes<B>, void, undefined> {
  for await (const chunk of stream) yield pool.from(chunk as Uint8Array | string);
}

/**
 * A `Duplex` in object mode over a connection: gives `Bytes`, which its reader releases, and takes
 * `Bytes`, which it releases when they are flushed. For `pipeline` with framers in between.
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
        ({ value, done }) => this.push(done ? null : value),
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
      void chunks.return?.(undefined);
      connection.socket.destroy();
      done(error);
    },
  });
}

import { type FileHandle, open } from "node:fs/promises";
import { invalid, outOfRange } from "../buffers/errors.js";
import type { Bytes, BytesPool } from "../buffers/index.js";
import { isBytes } from "../buffers/internal.js";
import { checkPool } from "../codec/checks.js";

/** How many bytes of a file are read at once. */
const CHUNK_BYTES = 65536;

/**
 * Reads a whole file into a block of a heap. The caller releases the bytes.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 * @throws {HeapError} ERR_HEAP_EXHAUSTED; what `node:fs` throws
 */
export async function readFileBytes<B extends ArrayBufferLike>(
  path: string | URL,
  pool: BytesPool<B>,
): Promise<Bytes<B>> {
  checkPool(pool);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    // Some files of the system have the size 0, but have contents.
    let bytes = pool.allocUnsafe(size === 0 ? CHUNK_BYTES : size);
    try {
      let length = await readAll(file, bytes.view(), 0);
      while (length === bytes.length && size === 0) {
        const larger = pool.allocUnsafe(length * 2);
        larger.view().set(bytes.view());
        bytes.release();
        bytes = larger;
        length = await readAll(file, bytes.view(), length);
      }
      if (length === bytes.length) return bytes;
      const head = bytes.split(length);
      bytes.release();
      return head;
    } catch (error) {
      bytes.release();
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** Fills a view from the index `from` on. Returns the index after the last byte. */
async function readAll(file: FileHandle, view: Uint8Array, from: number): Promise<number> {
  let at = from;
  while (at < view.length) {
    const { bytesRead } = await file.read(view, at, view.length - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}

/**
 * Reads a file in chunks of `chunkBytes`, 65536 by default. Whoever takes a chunk releases it.
 * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_INVALID_ARGUMENT
 * @throws {HeapError} ERR_HEAP_EXHAUSTED; what `node:fs` throws
 */
export async function* readFileChunks<B extends ArrayBufferLike>(
  path: string | URL,
  pool: BytesPool<B>,
  chunkBytes: number = CHUNK_BYTES,
): AsyncGenerator<Bytes<B>, void, undefined> {
  checkPool(pool);
  const most = pool.heap.u8.length;
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1 || chunkBytes > most) {
    throw outOfRange("chunkBytes", chunkBytes, 1, most);
  }
  const file = await open(path, "r");
  try {
    for (;;) {
      const chunk = pool.allocUnsafe(chunkBytes);
      let bytesRead = 0;
      try {
        ({ bytesRead } = await file.read(chunk.view(), 0, chunkBytes, null));
      } finally {
        if (bytesRead === 0) chunk.release();
      }
      if (bytesRead === 0) return;
      if (bytesRead === chunkBytes) {
        yield chunk;
        continue;
      }
      const head = chunk.split(bytesRead);
      chunk.release();
      yield head;
    }
  } finally {
    await file.close();
  }
}

/**
 * Creates or replaces a file with these bytes, which the caller still has to release.
 * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_RELEASED; what `node:fs` throws
 */
export async function writeFileBytes(path: string | URL, bytes: Bytes): Promise<void> {
  if (!isBytes(bytes)) throw invalid("bytes", bytes, "Bytes");
  bytes.retain();
  try {
    const file = await open(path, "w");
    try {
      for (const chunk of bytes.chunks()) await writeAll(file, chunk);
    } finally {
      await file.close();
    }
  } finally {
    bytes.release();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
  }
}

import type { Writable } from "node:stream";
import type { BufferPool, Bytes } from "../buffers/index.js";

/**
 * Writes a buffer of a pool and frees it when it is flushed, or when the stream has failed. Returns
 * what `stream.write` does: false asks to wait for "drain".
 */
export function writeAndFree<B extends ArrayBufferLike, V extends Uint8Array<B>>(
  stream: Writable,
  pool: BufferPool<B, V>,
  buffer: V,
): boolean {
  return stream.write(buffer, () => pool.free(buffer));
}

/** Writes bytes, a chain too, without a copy, and releases them when they are flushed. */
export function writeBytes(stream: Writable, bytes: Bytes): boolean {
  const chunks = [...bytes.chunks()];
  const last = chunks.pop();
  if (last === undefined) {
    bytes.release();
    return !stream.writableNeedDrain;
  }
  stream.cork();
  for (const chunk of chunks) stream.write(chunk);
  const isRoomLeft = stream.write(last, () => bytes.release());
  stream.uncork();
  return isRoomLeft;
}

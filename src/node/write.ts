import type { Writable } from "node:stream";
import type { BufferPool, Bytes } from "../buffers/index.js";

const NOTHING = new Uint8Array(0);

/** Whether what is written may still be there, to be read, when the stream says that it took it. */
function isPassedOn(stream: Writable): boolean {
  return "_transform" in stream;
}

/** A stream that passes its input on gets a copy. */
function writeCopy(stream: Writable, bytes: Uint8Array, done: () => void): boolean {
  const copy = new Uint8Array(bytes);
  done();
  return stream.write(copy);
}

/**
 * Writes memory that may be used for something else when `done` is called: at once where the system
 * took all of it, which is what happens mostly and spares the stream's bookkeeping for a callback;
 * else when it is flushed, or the stream has failed. A `Transform` gets a copy, as it may pass on
 * what it is given. Returns what `stream.write` does: false asks to wait for "drain".
 */
export function writeThen(stream: Writable, bytes: Uint8Array, done: () => void): boolean {
  if (isPassedOn(stream)) return writeCopy(stream, bytes, done);
  const isRoomLeft = stream.write(bytes);
  if (stream.writableLength === 0) done();
  else stream.write(NOTHING, done);
  return isRoomLeft;
}

/** Writes a buffer of a pool and frees it when it is flushed, or when the stream has failed. */
export function writeAndFree<B extends ArrayBufferLike, V extends Uint8Array<B>>(
  stream: Writable,
  pool: BufferPool<B, V>,
  buffer: V,
): boolean {
  if (isPassedOn(stream)) return writeCopy(stream, buffer, () => pool.free(buffer));
  const isRoomLeft = stream.write(buffer);
  if (stream.writableLength === 0) pool.free(buffer);
  else stream.write(NOTHING, () => pool.free(buffer));
  return isRoomLeft;
}

/** Writes bytes, a chain too, without a copy, and releases them when they are flushed. */
export function writeBytes(stream: Writable, bytes: Bytes): boolean {
  const chunks = [...bytes.chunks()];
  const last = chunks.pop();
  if (last === undefined) {
    bytes.release();
    return !stream.writableNeedDrain;
  }
  if (chunks.length === 0) return writeThen(stream, last, () => bytes.release());
  if (isPassedOn(stream)) {
    const copy = bytes.toUnshared();
    bytes.release();
    return stream.write(copy);
  }
  stream.cork();
  for (const chunk of chunks) stream.write(chunk);
  const isRoomLeft = stream.write(last, () => bytes.release());
  stream.uncork();
  return isRoomLeft;
}

import type { Writable } from "node:stream";
import type { BufferPool, Bytes } from "../buffers/index.js";

const NOTHING = new Uint8Array(0);

/** Returns whether the stream may pass on the memory it was given after it has taken it. */
function isPassedOn(stream: Writable): boolean {
  return "_transform" in stream;
}

/** Writes a copy, for a stream that passes its input on. */
function writeCopy(stream: Writable, bytes: Uint8Array, done: () => void): boolean {
  const copy = new Uint8Array(bytes);
  done();
  return stream.write(copy);
}

/**
 * Writes memory, and calls `done` when it may be used for something else. That is at once if the
 * system took all of it, the usual case, in which the stream needs no record of a callback. Else it
 * is when the memory is flushed or the stream has failed. A `Transform` gets a copy, because it may
 * pass on what it is given. Returns what `stream.write` returns: false asks to wait for "drain".
 */
export function writeThen(stream: Writable, bytes: Uint8Array, done: () => void): boolean {
  if (isPassedOn(stream)) return writeCopy(stream, bytes, done);
  const isRoomLeft = stream.write(bytes);
  if (stream.writableLength === 0) done();
  else stream.write(NOTHING, done);
  return isRoomLeft;
}

/**
 * Writes a buffer of a `BufferPool`, and frees it when it is flushed or the stream has failed.
 * Returns what `stream.write` returns.
 */
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

/**
 * Writes bytes, also a chain, without a copy, and releases them when they are flushed. A
 * `Transform` gets a copy. Returns what `stream.write` returns.
 */
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

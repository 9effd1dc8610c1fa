/**
 * What codecs and Node's streams share with the buffers. The file is shipped, but the package does
 * not export it: with a `Block` and the functions on it a program could break reference counts.
 */
export { ASCII_MAX, readAscii } from "./ascii.js";
export { Block, hold, leave, type Part } from "./block.js";
export { Bytes } from "./bytes.js";
export { BytesPool, type BytesPoolOptions } from "./bytesPool.js";
export { type BufferData, checkBytes, toByteArray } from "./data.js";
export { type ByteHeap, checkHeap } from "./heap.js";
export type { Leak, LeakDetection } from "./leaks.js";
export { BufferPool } from "./pool.js";
export { readUtf8, utf8Length, writeUtf8 } from "./utf8.js";

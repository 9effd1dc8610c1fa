/**
 * What codecs and Node's streams share with the buffers. The file is shipped, but the package does
 * not export it: with a `Block` and the functions on it a program could break reference counts.
 */
export { ASCII_MAX, readAscii } from "./ascii.js";
export { Block, findPart, leave, type Part } from "./block.js";
export { Bytes, heapOf, isBytes, partsOf, startOf } from "./bytes.js";
export { BytesPool, type BytesPoolOptions, joinParts, shareBlock } from "./bytesPool.js";
export type { BytesPattern, BytesSummary } from "./content.js";
export { type BufferData, checkBytes, toByteArray } from "./data.js";
export { type ByteHeap, checkHeap } from "./heap.js";
export { hide } from "./hide.js";
export type { Leak, LeakDetection } from "./leaks.js";
export { BufferPool, type BufferPoolOptions } from "./pool.js";
export { type BytesEncoding, decodeText } from "./text.js";
export { readUtf8, utf8Length, writeUtf8 } from "./utf8.js";

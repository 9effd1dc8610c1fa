export { BufferError, type BufferErrorCode } from "../index.js";
export { Bytes } from "./bytes.js";
export { BytesPool, type BytesPoolOptions } from "./bytesPool.js";
export type { BufferData } from "./data.js";
export type { ByteHeap } from "./heap.js";
/** @internal */
export * from "./internal.js";
export type { Leak, LeakDetection } from "./leaks.js";
export { BufferPool } from "./pool.js";

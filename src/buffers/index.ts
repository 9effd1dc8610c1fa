export { BufferError, type BufferErrorCode } from "../index.js";
export {
  type BufferData,
  BufferPool,
  type BufferPoolOptions,
  type ByteHeap,
  Bytes,
  type BytesEncoding,
  type BytesPattern,
  BytesPool,
  type BytesPoolOptions,
  type BytesSummary,
  type Leak,
  type LeakDetection,
} from "./internal.js";

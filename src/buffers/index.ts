export { BufferError, type BufferErrorCode } from "../index.js";
export {
  type BufferData,
  BufferPool,
  type ByteHeap,
  Bytes,
  BytesPool,
  type BytesPoolOptions,
  type Leak,
  type LeakDetection,
} from "./internal.js";

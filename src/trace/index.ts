export { TraceError } from "../index.js";
export { decodeTrace } from "./decode.js";
export { encodeTrace, type Trace } from "./format.js";
export {
  type RecordableHeap,
  type RecorderOptions,
  type Recording,
  recorder,
} from "./recorder.js";

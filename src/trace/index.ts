export { decodeTrace, encodeTrace, type Trace, TraceError } from "./format.js";
export {
  type RecordableHeap,
  type RecorderOptions,
  type Recording,
  recorder,
} from "./recorder.js";

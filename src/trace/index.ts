export { decodeTrace, encodeTrace, type Trace, TraceError } from "./format.js";

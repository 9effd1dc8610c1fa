export * from "./framing/index.js";
export type { LengthPrefix } from "./prefix.js";
export { Reader } from "./reader.js";
export type { ReaderOptions, SliceOf } from "./readerBase.js";
export { Writer } from "./writer.js";
export type { WriterOptions } from "./writerOptions.js";

export { type ReadTarget, readInto } from "./accept.js";
export { readFileBytes, readFileChunks, writeFileBytes } from "./files.js";
export { framesOf } from "./framing.js";
export { NodeBufferPool } from "./pool.js";
export { type BytesSocket, bytesOf, duplexOf, readBytes } from "./streams.js";
export { writeAndFree, writeBytes, writeThen } from "./write.js";

/** What codecs and framers share with the buffers, and programs do not see. */
export { ASCII_MAX, readAscii } from "./ascii.js";
export { Block, hold, leave, type Part } from "./block.js";
export { bytesOf, checkBytes } from "./data.js";

export { checkHeap } from "./heap.js";
export { readUtf8, utf8Length, writeUtf8 } from "./utf8.js";

export { Heap } from "./heap/heap.js";
export { HeapError } from "./base/errors.js";

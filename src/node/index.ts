export { NodeBufferPool } from "./pool.js";

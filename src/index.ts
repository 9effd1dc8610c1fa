export {
  BufferError,
  type BufferErrorCode,
  HeapError,
  type HeapErrorCode,
  TraceError,
} from "./base/errors.js";
export { NULL, type Ptr } from "./base/types.js";
export {
  type HeapOptions,
  OPTION_SENTENCES,
  OPTION_TABLE,
  type OptionRow,
  optionsFromEnv,
} from "./config/options.js";
export type { PtrKind } from "./heap/base.js";
export type { PtrArray } from "./heap/batch.js";
export type { HeapMemory } from "./heap/create.js";
export type { Guarded } from "./heap/guard.js";
export { Heap } from "./heap/heap.js";
export type { Recovered } from "./heap/recover.js";
export { SharedHeap, type SharedHeapOptions } from "./heap/sharedHeap.js";
export type { Signal } from "./heap/wait.js";
export type { SharedHeapStats, WorkerStats } from "./inspect/sharedStats.js";
export type { ClassStats, Counted, FrontStats, HeapStats } from "./inspect/stats.js";
export type { BlockInfo, BlockState } from "./inspect/walk.js";
export type { Tier } from "./layout/sizeClasses.js";

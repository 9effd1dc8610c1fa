export { HeapError, type HeapErrorCode } from "./base/errors.js";
export { NULL, type Ptr } from "./base/types.js";
export {
  type HeapOptions,
  OPTION_TABLE,
  type OptionRow,
  optionsFromEnv,
} from "./config/options.js";
export type { PtrArray } from "./heap/batch.js";
export type { HeapMemory } from "./heap/create.js";
export { Heap, type PtrKind } from "./heap/heap.js";
export type { ClassStats, Counted, FrontStats, HeapStats } from "./inspect/stats.js";
export type { BlockInfo, BlockState } from "./inspect/walk.js";
export type { Tier } from "./layout/sizeClasses.js";

import type { Subject } from "./subject.js";

/** The subject that allocates nothing. Its times are what the loop itself costs. */
export const FLOOR = "floor";

export function createFloor(): Subject<number> {
  let sum = 0;
  return {
    createSlots: (count) => new Int32Array(count),
    malloc: (size) => (size + 16) | 0,
    free(block) {
      sum = (sum + block) | 0;
    },
    realloc(block, size) {
      sum ^= block;
      return (size + 16) | 0;
    },
    write() {},
    read: () => 0,
    fill() {},
  };
}

import { expect, test } from "vitest";
import type { ClassIndex, Ptr, SlabIndex } from "../../../src/base/types.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { ptrToSlab } from "../../../src/layout/units.js";

// The assertions are those of the compiler: `npm run typecheck` fails where an error is expected
// and there is none.
test("one kind of index is not taken for another, and a plain number may become any", () => {
  const slab: SlabIndex = ptrToSlab(3 * 65536);
  const classIndex: ClassIndex = 3;
  const ptr = 48 as Ptr;
  const at = slabRecord.at(slab);
  expect(slabRecord.at(3)).toBe(at);
  // @ts-expect-error: a class is no slab
  expect(slabRecord.at(classIndex)).toBe(at);
  // @ts-expect-error: the index of a slab's record is no slab
  expect(slabRecord.at(at)).not.toBe(at);
  // @ts-expect-error: a ptr is no slab
  expect(slabRecord.at(ptr)).not.toBe(at);
  // @ts-expect-error: a number is a ptr only where that is said
  const other: Ptr = 48;
  expect(other).toBe(ptr);
});

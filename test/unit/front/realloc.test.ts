import { expect, test } from "vitest";
import { bindRealloc } from "../../../src/front/realloc.js";
import { Heap, type Ptr } from "../../../src/index.js";
import { thrown, viewsOf } from "../help.js";

test.each([
  ["to a larger class", 64, 100, "ERR_DOUBLE_FREE"],
  ["to a smaller class", 1024, 16, "ERR_DOUBLE_FREE"],
  ["to a span", 1000, 200_000, "ERR_DOUBLE_FREE"],
  ["from a span", 200_000, 100, "ERR_INVALID_POINTER"],
] as const)(
  "another worker frees a block that moves %s: nothing is lost",
  (_, before, after, code) => {
    const heap = Heap.create({ capacity: 4 * 2 ** 20 });
    const ptr = heap.malloc(before);
    let isFreed = false;
    const free = (block: Ptr): void => {
      if (!isFreed) heap.free(ptr);
      isFreed = true;
      heap.free(block);
    };
    const realloc = bindRealloc(viewsOf(heap), (size) => heap.malloc(size), free);
    thrown(() => realloc(ptr, after), code);
    expect(heap.stats().live.blocks).toBe(0);
    heap.drain();
    heap.verify();
  },
);

import { expect, it } from "vitest";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import { thrown } from "../help.js";
import { workersOf } from "./help.js";

it.each([48, 64, 80, 1024, 5000, 100_000])(
  "no ptr into a block of %i bytes is live or freed, whether it has a mark or not",
  (size) => {
    const step = size > 4096 ? 512 : 16;
    const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
    const ptr = a.malloc(size);
    const refuse = (): void => {
      for (let inside = ptr + 16; inside < ptr + size; inside += step) {
        for (const heap of [a, b]) {
          const { details } = thrown(() => heap.free(inside as Ptr), "ERR_INVALID_POINTER");
          expect(details.reason).toBe("interior");
          expect(heap.classify(inside as Ptr)).toBe("interior");
        }
      }
    };
    refuse();
    a.handOver(ptr, 1);
    refuse();
    b.handOver(ptr, 2);
    refuse();
    a.verify();
    c.free(ptr);
    const after = ["freed", "unallocated"];
    expect(after).toContain(b.classify(ptr));
    expect([...after, "interior"]).toContain(b.classify((ptr + 16) as Ptr));
    for (const heap of [c, a]) heap.drain();
    expect(a.stats().slabs.inUse).toBe(0);
  },
);

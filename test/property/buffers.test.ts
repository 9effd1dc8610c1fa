import fc from "fast-check";
import { expect, it } from "vitest";
import { BufferPool, type LeakDetection } from "../../src/buffers/index.js";
import { Heap, HeapError, type Ptr } from "../../src/index.js";
import { NodeBufferPool } from "../../src/node/pool.js";
import { runs } from "../support/tier.js";

type Pool = BufferPool<ArrayBuffer, Uint8Array<ArrayBuffer>>;
type View = Uint8Array<ArrayBuffer>;

interface Step {
  readonly kind: "alloc" | "from" | "adopt" | "free" | "freePtr" | "again";
  readonly size: number;
  readonly index: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Step["kind"]>("alloc", "from", "adopt", "free", "freePtr", "again"),
    size: fc.oneof(fc.nat(100), fc.nat(5000), fc.constantFrom(0, 65_536, 70_000)),
    index: fc.nat(1000),
  }),
  { maxLength: 120 },
);

/** Buffers that are not freed, each with the byte that fills it; and those that were. */
class Model {
  readonly live = new Map<View, number>();
  readonly gone: View[] = [];
  private fill = 0;

  add(view: View): void {
    this.fill = (this.fill + 1) & 255;
    view.fill(this.fill);
    expect(this.live.has(view)).toBe(false);
    this.live.set(view, this.fill);
  }

  take(index: number): View | undefined {
    const view = [...this.live.keys()][index % Math.max(1, this.live.size)];
    if (view === undefined) return undefined;
    const fill = this.live.get(view);
    expect(view.every((byte) => byte === fill)).toBe(true);
    this.live.delete(view);
    this.gone.push(view);
    return view;
  }
}

function apply(pool: Pool, model: Model, { kind, size, index }: Step, isEach: boolean): void {
  const { heap } = pool;
  if (kind === "alloc") model.add(pool.allocUnsafe(size));
  else if (kind === "from") model.add(pool.from(new Uint8Array(size)));
  else if (kind === "adopt") model.add(pool.adopt(heap.malloc(size), size));
  else if (kind === "free") {
    const view = model.take(index);
    if (view !== undefined) pool.free(view);
  } else if (kind === "freePtr") {
    const view = model.take(index);
    if (view !== undefined) heap.free(view.byteOffset as Ptr);
  } else if (isEach) {
    // If all are watched, a view that was freed is never another's, so it is always refused.
    const view = model.gone[index % Math.max(1, model.gone.length)];
    if (view !== undefined) expect(() => pool.free(view)).toThrow(HeapError);
  }
}

it.each(["off", "sampled", "all"] as const)("buffers in any order: %s", (level: LeakDetection) => {
  const property = fc.property(steps, fc.boolean(), (all, isNode) => {
    const heap = Heap.create({ capacity: 2 ** 23 });
    const options = { leakDetection: level, onLeak: () => {} };
    const pool = (
      isNode ? new NodeBufferPool(heap, options) : new BufferPool(heap, options)
    ) as Pool;
    const model = new Model();
    for (const step of all) apply(pool, model, step, level === "all");
    expect(heap.stats().live.blocks).toBe(model.live.size);
    for (const view of [...model.live.keys()]) {
      model.take([...model.live.keys()].indexOf(view));
      pool.free(view);
    }
    heap.verify();
    expect(heap.stats().live.blocks).toBe(0);
  });
  fc.assert(property, { numRuns: runs(60, 400) });
});

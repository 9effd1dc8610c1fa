import fc from "fast-check";
import { expect } from "vitest";
import type { HeapOptions } from "../../src/index.js";
import { freeAll } from "../support/replay.js";
import { COMMANDS, type Command } from "./commands.js";
import { CLASS_BYTES, type Plan, SLAB_BYTES, World } from "./world.js";

const MAX_COMMANDS = 500;
const byName = new Map<string, Command>(COMMANDS.map(([name, , command]) => [name, command]));
const drawn: readonly string[] = COMMANDS.flatMap(([name, weight]) => Array(weight).fill(name));

/** A drawn command; it applies in every state, so that any of them can be left out to shrink. */
class Step implements fc.Command<object, World> {
  private readonly name: string;
  private readonly numbers: readonly [number, number, number];

  constructor(name: string, numbers: readonly [number, number, number]) {
    this.name = name;
    this.numbers = numbers;
  }

  check(): boolean {
    return true;
  }

  run(_model: object, world: World): void {
    byName.get(this.name)?.(world, ...this.numbers);
  }

  toString(): string {
    return `${this.name}(${this.numbers.join(",")})`;
  }
}

const number = fc.nat(0x3fffffff);
const step = fc
  .tuple(fc.constantFrom(...drawn), number, number, number)
  .map(([name, a, b, c]) => new Step(name, [a, b, c]));

const favourite = fc.oneof(
  { weight: 3, arbitrary: fc.nat(1100) },
  { weight: 3, arbitrary: fc.constantFrom(...CLASS_BYTES) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 16, 17, 64, 1024, 1025, 32769, 65536) },
  { weight: 1, arbitrary: fc.nat(20000) },
  { weight: 1, arbitrary: fc.integer({ min: 65537, max: 5 * SLAB_BYTES }) },
);

/** Heaps of a few MiB, with what options a family of them has. */
export function planOf(options: fc.Arbitrary<Partial<HeapOptions>>): fc.Arbitrary<Plan> {
  return fc.record({
    options: fc
      .tuple(options, fc.integer({ min: 16, max: 64 }))
      .map(([rest, slabs]) => ({ ...rest, capacity: slabs * SLAB_BYTES })),
    memory: fc.constantFrom<Plan["memory"]>("create", "create", "over", "shared"),
    favourites: fc.array(favourite, { minLength: 1, maxLength: 3 }),
  });
}

function finish(world: World): void {
  const { heap, oracle } = world;
  world.verify();
  oracle.checkAll();
  oracle.conservation();
  freeAll(heap, oracle);
  heap.verify();
  const { slabs, cached, free } = oracle.conservation();
  expect([slabs.inUse, cached.blocks, free.blocks]).toEqual([0, 0, 0]);
}

/** Runs sequences of commands on heaps that are made by plans of one family. */
export function runModel(plan: fc.Arbitrary<Plan>, numRuns: number): void {
  const property = fc.property(
    plan,
    fc.commands([step], { maxCommands: MAX_COMMANDS, size: "max" }),
    (drawnPlan, commands) => {
      const world = new World(drawnPlan);
      fc.modelRun(() => ({ model: {}, real: world }), commands);
      finish(world);
    },
  );
  fc.assert(property, { numRuns });
}

import fc from "fast-check";
import { expect, it } from "vitest";
import { runs } from "../support/tier.js";
import { BytesWorld, type Kind } from "./bytesWorld.js";

const MAX_COMMANDS = 100;
const CHECK_EVERY = 8;

type Name = Exclude<keyof BytesWorld, "checkAll" | "finish">;

/** How often each step is drawn. */
const WEIGHTS: Record<Name, number> = {
  alloc: 4,
  allocUnsafe: 3,
  from: 6,
  text: 2,
  slice: 8,
  split: 8,
  concat: 8,
  compact: 3,
  set: 6,
  write: 6,
  writeOwn: 4,
  retain: 3,
  release: 14,
  freeze: 2,
  handOff: 8,
  read: 6,
  useReleased: 3,
  drain: 1,
};

const drawn = (Object.keys(WEIGHTS) as Name[]).flatMap((name) =>
  Array<Name>(WEIGHTS[name]).fill(name),
);
const number = fc.nat(0x3fffffff);
const programs = fc.array(fc.tuple(fc.constantFrom(...drawn), number, number, number), {
  maxLength: MAX_COMMANDS,
  size: "max",
});

function runPrograms(kind: Kind, numRuns: number): void {
  let programCount = 0;
  const property = fc.property(programs, (program) => {
    const world = new BytesWorld(kind);
    programCount++;
    for (const [index, [name, a, b, c]] of program.entries()) {
      world[name](a, b, c);
      if (index % CHECK_EVERY === 0) world.checkAll();
    }
    world.finish();
  });
  fc.assert(property, { numRuns });
  expect(programCount).toBe(numRuns);
}

it("any program of slices agrees with lists of cells, on a Heap", () => {
  runPrograms("heap", runs(40, 400));
});

it("any program of slices agrees with lists of cells, on two workers of a SharedHeap", () => {
  runPrograms("shared", runs(30, 300));
});

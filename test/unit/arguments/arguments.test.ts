import { describe, expect, it } from "vitest";
import * as buffers from "../../../src/buffers/index.js";
import * as core from "../../../src/index.js";
import { type Make, newHeap, newPool, newShared, VALUES } from "./values.js";

/*
 * Every function, constructor and method that a program can reach is called with every kind of
 * wrong argument, one, two and more at a time. It may return, or throw an error with a code.
 */

type Call = (args: unknown[]) => unknown;

const MOST_ARGUMENTS = 4;
const RANDOM_CALLS = 60;
/** How many calls an object gets. The first ones end it, or change it. */
const CALLS_EACH = 20;

/** Objects whose methods are called. */
const OBJECTS: Readonly<Record<string, Make>> = {
  Heap: newHeap,
  SharedHeap: newShared,
  BufferPool: () => new buffers.BufferPool(newHeap()),
  BytesPool: newPool,
  Bytes: () => newPool().from("some bytes"),
  "frozen Bytes": () => newPool().from("some bytes").freeze(),
  "chained Bytes": () => {
    const bytes = newPool().from("some bytes");
    return bytes.concat(bytes);
  },
  "empty Bytes": () => newPool().alloc(0),
};

/** Waiting for ever is what the first may be asked for; the others are private. */
const LEFT_OUT = /^(wait|guard|recoverWhenDead|slotState|checkAttached|openShared|join|format)/;

function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (let level = object; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) {
      const { value } = Object.getOwnPropertyDescriptor(level, name) ?? {};
      if (typeof value === "function" && name !== "constructor") names.add(name);
    }
  }
  return [...names].filter((name) => !LEFT_OUT.test(name));
}

/** Lists of wrong arguments: each value alone and in every place, and some at random. */
function* wrongLists(): Generator<unknown[]> {
  yield [];
  for (const make of VALUES) {
    for (const count of [1, 2, MOST_ARGUMENTS]) yield Array.from({ length: count }, make);
  }
  let state = 20261128;
  const draw = (most: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % most;
  };
  for (let call = 0; call < RANDOM_CALLS; call++) {
    yield Array.from({ length: 1 + draw(MOST_ARGUMENTS) }, () => VALUES[draw(VALUES.length)]?.());
  }
}

/** Returns what a call throws that has no code. */
function uncoded(call: Call, args: unknown[]): string[] {
  try {
    const result = call(args);
    if (result instanceof Promise) result.catch(() => undefined);
    // Generators do nothing before they are asked.
    else if (typeof (result as Iterator<unknown> | null)?.next === "function") {
      (result as Iterator<unknown>).next();
    }
  } catch (error) {
    if (error instanceof core.HeapError && /^ERR_\w+$/.test(error.code)) return [];
    return [`${String(error)} for ${args.map(nameOf).join(", ")}`];
  }
  return [];
}

function nameOf(value: unknown): string {
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "no class";
  return typeof value === "symbol" ? "a symbol" : String(value);
}

/** Made once, because heaps take time. What a call does to one matters to none. */
const LISTS = [...wrongLists()];

function check(call: Call): void {
  const faults: string[] = [];
  for (const args of LISTS) faults.push(...uncoded(call, args));
  expect(faults.slice(0, 5)).toEqual([]);
}

describe.each(Object.entries(OBJECTS))("methods of %s", (_name, make) => {
  it.each(methodsOf(make() as object))("%s", (name) => {
    let calls = 0;
    let object: Record<string, Call> = {};
    check((args) => {
      if (calls++ % CALLS_EACH === 0) object = make() as Record<string, Call>;
      return Reflect.apply(object[name] as Call, object, args);
    });
  });
});

type Class = new (...args: unknown[]) => unknown;

describe.each([
  ["hakmem", core],
  ["hakmem/buffers", buffers],
])("%s", (_name, entry) => {
  const functions = Object.entries(entry).filter(([, value]) => typeof value === "function");
  it.each(functions)("%s", (name, value) => {
    const isClass = /^class\b/.test(String(value));
    if (/Error$/.test(name)) return;
    check((args) =>
      isClass
        ? Reflect.construct(value as unknown as Class, args)
        : Reflect.apply(value as unknown as Call, undefined, args),
    );
    const statics = Object.getOwnPropertyNames(value).filter((key) => key !== "prototype");
    for (const key of statics) {
      if (LEFT_OUT.test(key)) continue;
      const member = (value as unknown as Record<string, unknown>)[key];
      if (typeof member === "function") check((args) => Reflect.apply(member, value, args));
    }
  });
});

import assert from "node:assert";
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { Heap, SharedHeap } from "../../../src/index.js";

/** Far more than all of it together needs, and far less than reading the memory would fill. */
const MOST_CHARACTERS = 2000;
const options = { capacity: 2 ** 26 };

it.each([
  ["Heap", () => Heap.create(options)],
  ["SharedHeap", () => SharedHeap.create(options)],
])("a %s is printed and compared without its memory", (name, create) => {
  const heap: object = create();
  const other: object = create();
  const shown = inspect(heap);
  expect(shown).toContain(name);
  expect(shown).toContain(String(options.capacity));
  const json = JSON.stringify(heap);
  expect(JSON.parse(json)).toMatchObject({ options });
  let message = "";
  try {
    assert.deepEqual(heap, other);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain(name);
  for (const text of [shown, json, message]) expect(text.length).toBeLessThan(MOST_CHARACTERS);
  assert.deepEqual(heap, heap);
  expect(() => expect(heap).toEqual(other)).toThrow("to deeply equal");
  expect(() => structuredClone(heap)).toThrow("could not be cloned");
});

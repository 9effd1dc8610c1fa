import { expect, test } from "vitest";
import { staticAssert } from "../../../src/base/assert.js";

test("staticAssert names the relation that does not hold", () => {
  expect(() => staticAssert(true, "one is one")).not.toThrow();
  expect(() => staticAssert(false, "one is two")).toThrow("static assertion failed: one is two");
});

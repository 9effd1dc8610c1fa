import fc from "fast-check";
import { expect, test } from "vitest";
import { describe } from "../../../src/base/describe.js";

const hostile = {
  toString(): string {
    throw new Error("toString");
  },
  valueOf(): number {
    throw new Error("valueOf");
  },
  [Symbol.toPrimitive](): number {
    throw new Error("toPrimitive");
  },
  toJSON(): string {
    throw new Error("toJSON");
  },
};

test.each([
  ["undefined", undefined, "undefined"],
  ["null", null, "null"],
  ["true", true, "true"],
  ["0", 0, "0"],
  ["-0", -0, "-0"],
  ["a fraction", 1.5, "1.5"],
  ["NaN", Number.NaN, "NaN"],
  ["Infinity", -Infinity, "-Infinity"],
  ["a large number", 2 ** 53, "9007199254740992"],
  ["a bigint", 12n, "12n"],
  ["a negative bigint", -(2n ** 70n), "-1180591620717411303424n"],
  ["a string", 'a"b', '"a\\"b"'],
  ["an empty string", "", '""'],
  ["a lone surrogate", "\ud800", '"\\ud800"'],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["a symbol without a name", Symbol(), "Symbol()"],
  ["an object", {}, "an object"],
  ["an array", [1], "an array"],
  ["an object with a class", new Map(), "an object of class Map"],
  ["a view", new Uint8Array(3), "an object of class Uint8Array"],
  ["a class that lies about its name", { constructor: { name: "a b" } }, "an object"],
  ["a class whose name is no string", { constructor: { name: 1 } }, "an object"],
  ["a function", () => 1, "a function"],
  ["a class", class A {}, "a function"],
  ["a hostile object", hostile, "an object"],
  ["an object without prototype", Object.create(null), "an object"],
])("describe: %s", (_name, value, text) => {
  expect(describe(value)).toBe(text);
});

test("describe cuts long strings after 40 characters", () => {
  expect(describe("x".repeat(40))).toBe(`"${"x".repeat(40)}"`);
  expect(describe("x".repeat(41))).toBe(`"${"x".repeat(40)}…"`);
  expect(describe("x".repeat(1e6))).toHaveLength(43);
});

test("describe never throws, not even for a revoked proxy", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(describe(proxy)).toBe("an object");
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
      expect(typeof describe(value)).toBe("string");
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { HeapError, show } from "../../../src/base/errors.js";

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
  ["an array", [1], "an object"],
  ["a function", () => 1, "a function"],
  ["a class", class A {}, "a function"],
  ["a hostile object", hostile, "an object"],
  ["an object without prototype", Object.create(null), "an object"],
])("show: %s", (_name, value, text) => {
  expect(show(value)).toBe(text);
});

test("show cuts long strings after 40 characters", () => {
  expect(show("x".repeat(40))).toBe(`"${"x".repeat(40)}"`);
  expect(show("x".repeat(41))).toBe(`"${"x".repeat(40)}…"`);
  expect(show("x".repeat(1e6))).toHaveLength(43);
});

test("show never throws, not even for a revoked proxy", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(show(proxy)).toBe("an object");
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
      expect(typeof show(value)).toBe("string");
    }),
  );
});

test("a HeapError is an Error with a code and details", () => {
  const error = new HeapError("ERR_INVALID_SIZE", "message", { got: 1 });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("HeapError");
  expect(error.code).toBe("ERR_INVALID_SIZE");
  expect(error.details).toEqual({ got: 1 });
  expect(String(error)).toBe("HeapError: message");
  expect(new HeapError("ERR_INVALID_SIZE", "").details).toEqual({});
});

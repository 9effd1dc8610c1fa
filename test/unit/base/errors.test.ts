import { expect, test } from "vitest";
import { HeapError } from "../../../src/base/errors.js";

test("a HeapError is an Error with a code and details", () => {
  const error = new HeapError("ERR_INVALID_SIZE", "message", { got: 1 });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("HeapError");
  expect(error.code).toBe("ERR_INVALID_SIZE");
  expect(error.details).toEqual({ got: 1 });
  expect(String(error)).toBe("HeapError: message");
  expect(new HeapError("ERR_INVALID_SIZE", "").details).toEqual({});
});

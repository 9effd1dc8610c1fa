import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRORS } from "../../../src/base/errors.js";
import { BufferError, HeapError, TraceError } from "../../../src/index.js";

const TABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = ERRORS;

test.each([
  ["HeapError", new HeapError("ERR_INVALID_SIZE", "message", { got: 1 }), "ERR_INVALID_SIZE"],
  ["BufferError", new BufferError("ERR_FROZEN", "message", { got: 1 }), "ERR_FROZEN"],
  ["TraceError", new TraceError("message"), "ERR_BAD_TRACE"],
])("a %s is an Error and a HeapError, with a code", (name, error, code) => {
  expect(error).toBeInstanceOf(Error);
  expect(error).toBeInstanceOf(HeapError);
  expect(error.name).toBe(name);
  expect(error.code).toBe(code);
  expect(String(error)).toBe(`${name}: message`);
});

test("details hold what the message says, and are empty by default", () => {
  expect(new BufferError("ERR_FROZEN", "", { got: 1 }).details).toEqual({ got: 1 });
  expect(new BufferError("ERR_FROZEN", "").details).toEqual({});
  expect(new HeapError("ERR_INVALID_SIZE", "").details).toEqual({});
});

test("the table names the classes that the core exports", () => {
  expect(Object.keys(TABLE)).toEqual([HeapError.name, BufferError.name, TraceError.name]);
});

test("every code of the table is thrown somewhere, and has one sentence", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(join("base", "errors.ts")))
    .map((name) => readFileSync(join("src", name), "utf8"))
    .join("\n");
  const classes = readFileSync("src/base/errors.ts", "utf8").split("as const;")[1] ?? "";
  for (const [code, when] of Object.values(TABLE).flatMap((codes) => Object.entries(codes))) {
    expect(`${sources}${classes}`, code).toContain(`"${code}"`);
    expect(when, code).toMatch(/^[A-Z`].*\.$/);
  }
});

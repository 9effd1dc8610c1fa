import { describe, expect, test } from "vitest";
import {
  MAX_CAPACITY_BYTES,
  MIN_CAPACITY_BYTES,
  OPTION_SENTENCES,
  OPTION_TABLE,
  type OptionRow,
  optionsFromEnv,
  resolveOptions,
} from "../../../src/config/options.js";
import { smallHeap, thrown, wrong } from "../help.js";

const integers = OPTION_TABLE.filter((row) => row.type === "integer");
const switches = OPTION_TABLE.filter((row) => row.type === "switch");
const given = (row: OptionRow, value: unknown): Record<string, unknown> => ({ [row.name]: value });

function rejects(row: OptionRow, value: unknown, shown: string): void {
  const error = thrown(() => resolveOptions(given(row, value)), "ERR_INVALID_OPTION");
  expect(error.message).toContain(`${row.name} is ${shown}; it takes `);
  const takes = row.type === "switch" ? "0 or 1" : `an integer from ${row.min} to ${row.max}`;
  expect(error.message).toContain(takes);
  expect(error.details).toEqual({ option: row.name, got: value, min: row.min, max: row.max });
}

test("the table names each option once, with sane figures", () => {
  expect(OPTION_TABLE.map((row) => row.name)).toEqual([
    "capacity",
    "sllDrainInterval",
    "fastCap",
    "refillCountHot",
    "refillCountMid",
    "wrapTiny",
    "frontStats",
    "safeFree",
  ]);
  expect(new Set(OPTION_TABLE.map((row) => row.env)).size).toBe(OPTION_TABLE.length);
  for (const row of OPTION_TABLE) {
    expect(row.env).toMatch(/^HAKMEM_[A-Z_]+$/);
    expect(row.min).toBeLessThanOrEqual(row.default);
    expect(row.default).toBeLessThanOrEqual(row.max);
    expect(OPTION_SENTENCES[row.name]).toMatch(/\.$/);
    expect(row.unit).not.toBe("");
  }
  expect(MIN_CAPACITY_BYTES).toBe(524288);
  expect(MAX_CAPACITY_BYTES).toBe(2147418112);
});

test("nothing given is every default", () => {
  for (const none of [undefined, {}, { capacity: undefined }]) {
    expect(resolveOptions(wrong(none))).toEqual({
      capacity: 268435456,
      sllDrainInterval: 1024,
      fastCap: 254,
      refillCountHot: 64,
      refillCountMid: 32,
      wrapTiny: true,
      frontStats: false,
      safeFree: false,
    });
  }
});

describe.each(integers)("$name", (row) => {
  test("takes its minimum, default and maximum", () => {
    for (const value of [row.min, row.default, row.max, row.min + 1, row.max - 1]) {
      const options = resolveOptions(given(row, value));
      expect(options[row.name]).toBe(value);
    }
    expect(resolveOptions(given(row, undefined))[row.name]).toBe(row.default);
  });

  test("rejects what is beyond", () => {
    for (const value of [row.min - 1, row.max + 1, -1, 2 ** 53]) rejects(row, value, `${value}`);
  });

  test("rejects every other kind of value", () => {
    rejects(row, row.min + 0.5, `${row.min + 0.5}`);
    rejects(row, Number.NaN, "NaN");
    rejects(row, Infinity, "Infinity");
    rejects(row, `${row.default}`, `"${row.default}"`);
    rejects(row, BigInt(row.default), `${row.default}n`);
    rejects(row, true, "true");
    rejects(row, false, "false");
    rejects(row, null, "null");
    rejects(row, {}, "an object");
    rejects(row, [row.default], "an array");
    rejects(row, Symbol("x"), "Symbol(x)");
  });

  test("reads its variable", () => {
    for (const value of [row.min, row.default, row.max]) {
      expect(optionsFromEnv({ [row.env]: `${value}` })).toEqual({ [row.name]: value });
    }
  });

  test("rejects a malformed or unfit variable", () => {
    const bad = ["", " ", "x", "1x", "0x10", "1e3", "-1", "+1", "1.0", " 64", "64 ", "64\n"];
    bad.push(`${row.max + 1}`, "99999999999", "true", "Infinity", "NaN", "１");
    if (row.min > 0) bad.push(`${row.min - 1}`);
    for (const text of bad) {
      const error = thrown(() => optionsFromEnv({ [row.env]: text }), "ERR_INVALID_OPTION");
      expect(error.message).toContain(`${row.env} is `);
      const shown = /^\d{1,10}$/.test(text) ? text : JSON.stringify(text);
      expect(error.message).toContain(`is ${shown}; it takes an integer from ${row.min}`);
      expect(error.message).toContain(`to ${row.max} (${row.unit})`);
      expect(error.details).toMatchObject({ option: row.env, min: row.min, max: row.max });
    }
  });
});

describe.each(switches)("$name", (row) => {
  test("takes booleans and nothing else", () => {
    expect(resolveOptions(given(row, true))[row.name]).toBe(true);
    expect(resolveOptions(given(row, false))[row.name]).toBe(false);
    expect(resolveOptions(given(row, undefined))[row.name]).toBe(row.default === 1);
    rejects(row, 0, "0");
    rejects(row, 1, "1");
    rejects(row, null, "null");
    rejects(row, "1", '"1"');
    rejects(row, "true", '"true"');
    rejects(row, 1n, "1n");
    rejects(row, Object(true), "an object of class Boolean");
  });

  test("reads 0 and 1 from its variable", () => {
    expect(optionsFromEnv({ [row.env]: "1" })).toEqual({ [row.name]: true });
    expect(optionsFromEnv({ [row.env]: "0" })).toEqual({ [row.name]: false });
    for (const text of ["2", "", "true", "false", "yes", "-1"]) {
      const error = thrown(() => optionsFromEnv({ [row.env]: text }), "ERR_INVALID_OPTION");
      expect(error.message).toMatch(new RegExp(`^${row.env} is .*; it takes 0 or 1$`));
    }
  });
});

test("an unknown name is refused, with those that exist", () => {
  for (const name of ["Capacity", "size", "", "toString", "HAKMEM_CAPACITY"]) {
    const error = thrown(() => resolveOptions(wrong({ [name]: 1 })), "ERR_INVALID_OPTION");
    expect(error.message).toContain(`${name} is not a known option`);
    for (const row of OPTION_TABLE) expect(error.message).toContain(row.name);
    expect(error.details).toEqual({
      option: name,
      accepted: OPTION_TABLE.map((row) => row.name),
    });
  }
  const own: unknown = JSON.parse('{"__proto__": 1}');
  thrown(() => resolveOptions(wrong(own)), "ERR_INVALID_OPTION");
});

test("an unknown variable is refused, with those that exist", () => {
  const error = thrown(() => optionsFromEnv({ HAKMEM_FAST: "1" }), "ERR_INVALID_OPTION");
  expect(error.message).toContain("HAKMEM_FAST is not a known variable");
  for (const row of OPTION_TABLE) expect(error.message).toContain(row.env);
  expect(error.details).toEqual({
    option: "HAKMEM_FAST",
    accepted: OPTION_TABLE.map((row) => row.env),
  });
});

test("what is not ours in an environment is ignored", () => {
  expect(optionsFromEnv({})).toEqual({});
  expect(optionsFromEnv({ PATH: "/bin", hakmem_capacity: "x", HAKMEM: "x" })).toEqual({});
  expect(optionsFromEnv({ HAKMEM_CAPACITY: undefined })).toEqual({});
  const both = { HAKMEM_TINY_FAST_CAP: "7", HAKMEM_SAFE_FREE: "1", HOME: "/" };
  expect(optionsFromEnv(both)).toEqual({ fastCap: 7, safeFree: true });
});

test.each([null, 5, "x", true, 5n, Symbol("o"), () => 1])("options cannot be %s", (value) => {
  const error = thrown(() => resolveOptions(wrong(value)), "ERR_INVALID_OPTION");
  expect(error.message).toContain("they take an object");
});

test("a heap's options are resolved, rounded up, frozen, and in its image", () => {
  const heap = smallHeap({ capacity: 524289, fastCap: 9 });
  expect(heap.options).toEqual({ ...resolveOptions({ fastCap: 9 }), capacity: 589824 });
  expect(heap.buffer.byteLength).toBe(589824);
  expect(Object.isFrozen(heap.options)).toBe(true);
});

test.each([undefined, null, "HAKMEM", 5])("something that is not an environment: %s", (env) => {
  thrown(() => optionsFromEnv(wrong(env)), "ERR_INVALID_OPTION");
  thrown(() => optionsFromEnv(wrong({ HAKMEM_CAPACITY: Symbol("x") })), "ERR_INVALID_OPTION");
});

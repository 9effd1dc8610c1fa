import { expect, it } from "vitest";
import type { Bytes, BytesPool } from "../../../src/buffers/index.js";
import { wrong } from "../help.js";
import { expectNothingLeft, newPools, refusal } from "./help.js";

/** Returns the bytes in one piece, and as chains of parts of these sizes. */
function inForms(pool: BytesPool, content: Uint8Array): Bytes[] {
  const sizes = [1, 2, 7];
  const chains = sizes.map((size) => {
    const parts: Bytes[] = [];
    for (let at = 0; at < content.length; at += size) {
      parts.push(pool.from(content.subarray(at, at + size)));
    }
    const chain = pool.alloc(0);
    const joined = chain.concat(...parts);
    for (const bytes of [chain, ...parts]) bytes.release();
    return joined;
  });
  return [pool.from(content), ...chains];
}

const TEXTS = ["", "a", "aab", "abaabaabb", "mississippi", "grün, grüner", "aaaaaaaaaaaaaaaaab"];
const PATTERNS = ["", "a", "b", "ab", "aab", "issi", "ssip", "ün", "aaaab", "mississippi!", "x"];

it.each(TEXTS)("finds what a Buffer finds in %j", (text) => {
  const { heap, bytes: pool } = newPools();
  const buffer = Buffer.from(text);
  for (const bytes of inForms(pool, buffer)) {
    for (const pattern of PATTERNS) {
      const held = pool.from(pattern);
      for (const from of [0, 1, 3, buffer.length].filter((at) => at <= buffer.length)) {
        const first = buffer.indexOf(pattern, from);
        expect(bytes.indexOf(pattern, from)).toBe(first);
        expect(bytes.indexOf(held, from)).toBe(first);
        expect(bytes.indexOf(Buffer.from(pattern), from)).toBe(first);
        expect(bytes.includes(pattern, from)).toBe(first >= 0);
        if (from > 0) expect(bytes.indexOf(pattern, -from)).toBe(buffer.indexOf(pattern, -from));
        if (pattern === "") continue;
        expect(bytes.lastIndexOf(pattern, from)).toBe(buffer.lastIndexOf(pattern, from));
        expect(bytes.lastIndexOf(held)).toBe(buffer.lastIndexOf(pattern));
      }
      expect(bytes.startsWith(pattern)).toBe(text.startsWith(pattern));
      expect(bytes.endsWith(held)).toBe(text.endsWith(pattern));
      held.release();
    }
    bytes.release();
  }
  expectNothingLeft(heap);
});

it("single bytes are found in short and long pieces", () => {
  const { heap, bytes: pool } = newPools();
  const content = new Uint8Array(1000);
  content[400] = 9;
  content[900] = 9;
  for (const bytes of inForms(pool, content)) {
    expect([bytes.indexOf(9), bytes.indexOf(9, 401), bytes.indexOf(9, 901)]).toEqual([
      400, 900, -1,
    ]);
    expect([bytes.lastIndexOf(9), bytes.lastIndexOf(9, 899), bytes.lastIndexOf(9, 3)]).toEqual([
      900, 400, -1,
    ]);
    bytes.release();
  }
  expectNothingLeft(heap);
});

it("a search takes time in proportion to the bytes", () => {
  const { bytes: pool } = newPools();
  const bytes = pool.alloc(2 ** 21);
  const pattern = new Uint8Array(2 ** 20);
  pattern[2 ** 20 - 1] = 1;
  expect([bytes.indexOf(pattern), bytes.lastIndexOf(pattern)]).toEqual([-1, -1]);
});

it("compares as a Buffer does", () => {
  const { heap, bytes: pool } = newPools();
  const contents = ["", "a", "ab", "abc", "b", "\u00ff"].map((text) => Buffer.from(text));
  for (const left of contents) {
    for (const right of contents) {
      for (const bytes of inForms(pool, left)) {
        const others = inForms(pool, right);
        for (const other of [right, ...others]) {
          expect(bytes.compare(other)).toBe(Buffer.compare(left, right));
          expect(bytes.equals(other)).toBe(left.equals(right));
        }
        for (const one of [bytes, ...others]) one.release();
      }
    }
  }
  expectNothingLeft(heap);
});

it("negative positions count from the end, and subarray takes any", () => {
  const { heap, bytes: pool } = newPools();
  const content = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  for (const bytes of inForms(pool, content)) {
    expect([bytes.at(-1), bytes.at(-8)]).toEqual([8, 1]);
    bytes.set(-1, 8);
    for (const start of [-99, -8, -3, 0, 2, 8, 99, 1.7, -1.2, Number.NaN, Infinity, -Infinity]) {
      for (const end of [-99, -4, 0, 5, 8, 99, undefined]) {
        const part = bytes.subarray(start, end);
        expect([...part]).toEqual([...content.subarray(start, end)]);
        part.release();
      }
    }
    const tail = bytes.slice(-3, -1);
    expect([...tail]).toEqual([6, 7]);
    tail.release();
    for (const bad of ["1", null, {}, 1n, Symbol("x")]) {
      refusal("ERR_INVALID_ARGUMENT", () => bytes.subarray(wrong(bad)));
    }
    bytes.release();
  }
  expectNothingLeft(heap);
});

it("fills with a byte, bytes or text, across parts", () => {
  const { heap, bytes: pool } = newPools();
  for (const pattern of [7, "ab", Uint8Array.of(1, 2, 3), "grün"]) {
    const expected = Buffer.alloc(20).fill(pattern, 3, 17);
    for (const bytes of inForms(pool, new Uint8Array(20))) {
      expect(bytes.fill(pattern, 3, 17)).toBe(bytes);
      expect([...bytes]).toEqual([...expected]);
      refusal("ERR_INVALID_ARGUMENT", () => bytes.fill(""));
      refusal("ERR_OUT_OF_RANGE", () => bytes.fill(1, 0, 21));
      refusal("ERR_OUT_OF_RANGE", () => bytes.fill(256));
      refusal("ERR_FROZEN", () => bytes.freeze().fill(1));
      bytes.release();
    }
  }
  expectNothingLeft(heap);
});

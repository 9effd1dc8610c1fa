import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SEEDED_BUGS } from "../seeded/bugs.js";

describe.each(SEEDED_BUGS)("seeded bug: $name", ({ file, find, replace }) => {
  it("has its place in the sources, once", () => {
    expect(readFileSync(file, "utf8").split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });
});

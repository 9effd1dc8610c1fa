import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SEEDED_BUGS } from "../seeded/bugs.js";

describe.each(SEEDED_BUGS)("seeded bug: $name", ({ name, file, find, replace }) => {
  it("has its place in the sources, once", () => {
    const times = readFileSync(file, "utf8").split(find).length - 1;
    const help =
      `the bug "${name}" changes a text that ${file} has ${times} times, not once. If the code ` +
      "moved or changed, adapt `file`, `find` and `replace` of this bug in test/seeded/bugs.ts, " +
      "so that they plant it again; npm run seeded -- --only NAME shows that a test fails.";
    expect(times, help).toBe(1);
    expect(replace).not.toBe(find);
  });
});

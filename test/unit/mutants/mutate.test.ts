import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { apply, FOLDERS, mutantsOf, mutantsOfFolder } from "../../mutants/mutate.js";

const afters = (code: string): string[] => mutantsOf("src/x.ts", code).map(({ after }) => after);

describe("mutants of a piece of code", () => {
  it.each([
    ["f(a < b);", [";", "f(a <= b);", "f(a >= b);"]],
    ["x = a & ~b;", [";", "x = a | ~b;", "x = a & b;"]],
    ["x = a >>> 0;", [";", "x = a << 0;", "x = a >>> 1;"]],
    ["x += 1;", ["x -= 1;", ";", "x += 0;"]],
    ["i++;", [";", "i--;"]],
    ["if (a && b) f();", ["if (!(a && b)) f();", "if (a || b) f();", "if (a && b) ;"]],
    ["const x = !(a in b);", ["const x = (a in b);"]],
    ["if (!a) throw b;", ["if (a) throw b;", "if (!a) ;"]],
    ["const x = a ? 0 : 5;", ["const x = !(a) ? 0 : 5;", "const x = a ? 1 : 5;"]],
    ["const x = (a + b) * c;", ["const x = (a + b) / c;", "const x = (a - b) * c;"]],
    ["for (;;) { continue; }", ["for (;;) { ; }"]],
  ])("%s", (code, expected) => {
    expect(afters(code).sort()).toEqual(expected.sort());
  });

  it("negates the result of a function of booleans, and takes away an early exit", () => {
    const code = "function f(a: number): boolean { if (a) return true; return g(a); }";
    const body = (text: string): string => `function f(a: number): boolean { ${text} }`;
    expect(afters(code)).toContain(body("if (a) return true; return !(g(a));"));
    expect(afters(code)).toContain(body("if (a) ; return g(a);"));
    expect(afters(code)).toContain(body("if (a) return false; return g(a);"));
  });

  it("leaves types, imports, messages and static asserts as they are", () => {
    const code = [
      'import { x } from "./x0.js";',
      "type T = 0 | 1;",
      'staticAssert(1 < 2, "a");',
      "const text = a + ' is too large';",
    ].join("\n");
    expect(afters(code)).toEqual([]);
  });
});

describe.each(FOLDERS)("mutants of src/%s", (folder) => {
  it("have names of their own, and differ from the source in one place", () => {
    const mutants = mutantsOfFolder(folder, 1);
    expect(mutants.length).toBeGreaterThan(100);
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    for (const { file, edit } of mutants.slice(0, 100)) {
      const code = readFileSync(file, "utf8");
      const mutated = apply(code, edit);
      expect(mutated).not.toBe(code);
      expect(mutated.endsWith(code.slice(edit.end))).toBe(true);
    }
  });
});

describe("the order of mutants", () => {
  it("is decided by the seed", () => {
    const ids = (seed: number): string[] => mutantsOfFolder("layout", seed).map(({ id }) => id);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
    expect(ids(1).sort()).toEqual(ids(2).sort());
  });
});

import { expect, it } from "vitest";
import { checkCircles, type SourceFile } from "../../../scripts/checkCircles.js";

function source(file: string, ...lines: string[]): SourceFile {
  return { file, text: lines.join("\n") };
}

it("finds a circle, also one of types, of exports or of one file", () => {
  const files = [
    source("src/a.ts", 'import { b } from "./in/b.js";'),
    source("src/in/b.ts", "import {", "  type C,", '} from "../c.js";'),
    source("src/c.ts", 'export type { A } from "./a.js";'),
    source("src/d.ts", 'const d = import("./d.js");'),
  ];
  expect(checkCircles(files)).toEqual([
    "circle: src/a.ts -> src/in/b.ts -> src/c.ts -> src/a.ts",
    "circle: src/d.ts -> src/d.ts",
  ]);
});

it("allows two ways to one file, comments, and what is not among the files", () => {
  const files = [
    source("src/a.ts", 'import "./b.js";', 'import "./c.js";', 'import fs from "node:fs";'),
    source("src/b.ts", 'import { c } from "./c.js";', '// import a from "./a.js";'),
    source("src/c.ts", '/* import a from "./a.js"; */', 'import "./missing.js";'),
  ];
  expect(checkCircles(files)).toEqual([]);
});

const OPERATOR = String.raw`(?:\*\*|<<|>>>?|&&|\|\||\?\?|[-+*/%&|^])?=(?![=>])`;

/** Assignments to a name, but for those that declare it or write a property. */
const ASSIGNMENTS = [
  new RegExp(String.raw`(?<![\w$.]|^var |(?:let|const|var) )([\w$]+) ${OPERATOR}`, "gm"),
  /(?:\+\+|--)([\w$]+)\b(?!\.)/g,
  /(?<![\w$.])([\w$]+)(?:\+\+|--)/g,
];

/**
 * Returns a bundle's code with `const` where esbuild wrote `var` for a module's top-level constant.
 * V8 loads and checks a `var` on every use, and puts a `const` into machine code as an immediate:
 * loops over a module's constants run twice as fast. esbuild turns a `let` into `var` too, so a
 * name that is assigned to anywhere stays one.
 */
export function topLevelConst(code: string): string {
  const assigned = new Set(
    ASSIGNMENTS.flatMap((pattern) => Array.from(code.matchAll(pattern), (match) => match[1])),
  );
  return code.replace(/^var ([\w$]+)(?= = )/gm, (found, name: string) =>
    assigned.has(name) ? found : `const ${name}`,
  );
}

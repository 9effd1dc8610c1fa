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

/**
 * Returns a bundle's code in which classes have the names of the sources. esbuild puts `_` before
 * the name of a class that refers to itself, and errors and `console.log` show that.
 */
export function classNames(code: string): string {
  const names = Array.from(code.matchAll(/\b([\w$]+) = class _\1\b/g), ([, name = ""]) => name);
  return names.reduce(
    (text, name) => text.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), name),
    code,
  );
}

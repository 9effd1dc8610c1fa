import { readFileSync, writeFileSync } from "node:fs";

/**
 * esbuild makes `var` of top-level constants, which halves the speed of loops: see tsup.config.ts.
 */
export function restoreConstants(file: string): void {
  const code = readFileSync(file, "utf8");
  const constants = code.replace(/^var (?=([\w$]+) = )/gm, (_, name: string) => {
    const writes = code.match(new RegExp(`\\b${name} [-+*]?= `, "g")) ?? [];
    return writes.length > 1 ? "let " : "const ";
  });
  writeFileSync(file, constants);
}

/**
 * Finds circles in the graph of imports. An import of types alone counts too: a reader has to know
 * both files at once either way.
 */
import { join } from "node:path";

/** A source file and its text. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function importsOf({ file, text }: SourceFile, known: ReadonlySet<string>): string[] {
  return [...stripComments(text).matchAll(IMPORT)]
    .map(([, path = ""]) => join(file, "..", path).replace(/\.js$/, ".ts"))
    .filter((target) => known.has(target));
}

/**
 * Returns the circles among files, one line each, which names the files in the order of their
 * imports. Each file is walked once, so of circles that share files some may be left out.
 */
export function checkCircles(sources: readonly SourceFile[]): string[] {
  const known = new Set(sources.map(({ file }) => file));
  const imports = new Map(sources.map((source) => [source.file, importsOf(source, known)]));
  const circles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      circles.push(`circle: ${[...path.slice(at), file].join(" -> ")}`);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) walk(target);
    path.pop();
    done.add(file);
  };
  for (const { file } of sources) walk(file);
  return circles;
}

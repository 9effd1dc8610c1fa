/**
 * Checks what the linter cannot: that folders are layers and import only from those below them,
 * that files and lines are short, and that some constructs stay in the files that own them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** From the lowest layer up; `src/index.ts` stands above all. */
const LAYERS = ["base", "config", "layout", "central", "front", "inspect", "heap"];

const MAX_FILE_LINES = 400;
const MAX_LINE_CHARACTERS = 100;

/** A pattern that no file may have, but for the named ones. */
const BANS: readonly { pattern: RegExp; why: string; allowed: readonly string[] }[] = [
  { pattern: /\benum\s+\w+\s*{/, why: "no enum: it is not erasable", allowed: [] },
  { pattern: /\bnamespace\s+\w+\s*{/, why: "no namespace: it is not erasable", allowed: [] },
  { pattern: /\bAtomics\b/, why: "Atomics stay in the files that own them", allowed: [] },
  { pattern: /\bprocess\b|node:/, why: "the core runs in browsers", allowed: [] },
  { pattern: /\bas any\b|: any\b/, why: "no any", allowed: [] },
];

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function layerOf(file: string): number {
  const [, folder = ""] = relative(".", file).split(/[\\/]/);
  return folder.endsWith(".ts") ? LAYERS.length : LAYERS.indexOf(folder);
}

function checkLayers(file: string, text: string): string[] {
  const own = layerOf(file);
  if (own < 0) return [`${file}: its folder is no layer (${LAYERS.join(" < ")})`];
  const imports = text.matchAll(/from "(\.[^"]+)"/g);
  return [...imports]
    .map(([, path = ""]) => join(file, "..", path))
    .filter((target) => layerOf(target) > own || layerOf(target) < 0)
    .map((target) => `${file}: imports ${target}, which is above it (${LAYERS.join(" < ")})`);
}

/** The hot file may see the cold ones only through the slow paths. */
function checkHot(file: string, text: string): string[] {
  if (!file.endsWith("front/hot.ts")) return [];
  return /from "\.\/(?!slow)/.test(text) ? [`${file}: imports a cold file other than slow.ts`] : [];
}

function checkLengths(file: string, text: string): string[] {
  const lines = text.split("\n");
  const long = lines
    .map((line, index) => ({ line, at: index + 1 }))
    .filter(({ line }) => line.length > MAX_LINE_CHARACTERS)
    .map(({ at }) => `${file}:${at}: longer than ${MAX_LINE_CHARACTERS} characters`);
  if (lines.length <= MAX_FILE_LINES) return long;
  return [...long, `${file}: longer than ${MAX_FILE_LINES} lines`];
}

function checkBans(file: string, text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`|"[^"\n]*"/g, (match) =>
    match.startsWith('"node:') ? match : "",
  );
  return BANS.filter(({ pattern, allowed }) => pattern.test(code) && !allowed.includes(file)).map(
    ({ why }) => `${file}: ${why}`,
  );
}

const source = listFiles("src");
const all = [...source, ...["bench", "test", "scripts"].flatMap(listFiles)];
const problems = [
  ...source.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...checkLayers(file, text), ...checkHot(file, text), ...checkBans(file, text)];
  }),
  ...all.flatMap((file) => checkLengths(file, readFileSync(file, "utf8"))),
];
for (const problem of problems) console.error(problem);
console.log(`style: ${all.length} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

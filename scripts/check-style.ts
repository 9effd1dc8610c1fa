/**
 * Checks what the linter cannot: that folders are layers and import only from those below them,
 * that no imports form a circle, that files and lines are short, and that some constructs stay in
 * the files that own them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { checkCircles } from "./checkCircles.js";

/** From the lowest layer up. What is above `src/index.ts` sees the allocator through it only. */
const SOURCE_LAYERS = [
  "base",
  "config",
  "layout",
  "central",
  "front",
  "inspect",
  "heap",
  "index.ts",
  "buffers",
  "codec",
  "node",
  "trace",
];
const INDEX_LAYER = SOURCE_LAYERS.indexOf("index.ts");
/** Pure functions that every bundle may contain. */
const SHARED: readonly string[] = ["src/base/describe.js", "src/base/tag.js"];

/** The benches and the command, from the lowest layer up. They see the library from outside. */
const BENCH_LAYERS = [
  "base",
  "term",
  "workloads",
  "native",
  "rivals",
  "subject",
  "measure",
  "run",
  "profile",
  "record",
  "report",
  "command",
  "studies",
  "servers",
];

const MAX_FILE_LINES = 400;
const MAX_LINE_CHARACTERS = 100;

/** A pattern that no file may have, but for those whose path starts as named. */
const BANS: readonly { pattern: RegExp; why: string; allowed: readonly string[] }[] = [
  { pattern: /\benum\s+\w+\s*{/, why: "no enum: it is not erasable", allowed: [] },
  { pattern: /\bnamespace\s+\w+\s*{/, why: "no namespace: it is not erasable", allowed: [] },
  {
    pattern: /\bAtomics\b/,
    why: "Atomics are reached by sync",
    allowed: ["src/base/sync.ts"],
  },
  {
    pattern: /\bprocess\b|node:/,
    why: "the library runs in browsers",
    allowed: ["src/node/"],
  },
  { pattern: /\bas any\b|: any\b/, why: "no any", allowed: [] },
];

function listFiles(folder: string, extension: string = ".ts"): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name));
}

function layerOf(layers: readonly string[], file: string): number {
  const [, folder = ""] = relative(".", file).split(/[\\/]/);
  return layers.indexOf(folder.replace(/\.js$/, ".ts"));
}

function mayImport(own: number, target: string): boolean {
  if (SHARED.includes(target)) return true;
  const layer = layerOf(SOURCE_LAYERS, target);
  if (layer < 0 || layer > own) return false;
  return own <= INDEX_LAYER || layer >= INDEX_LAYER;
}

function mayBenchImport(own: number, target: string): boolean {
  if (!target.startsWith("bench")) return true;
  const layer = layerOf(BENCH_LAYERS, target);
  return layer >= 0 && layer <= own;
}

function checkLayers(file: string, text: string): string[] {
  const isBench = file.startsWith("bench");
  const layers = isBench ? BENCH_LAYERS : SOURCE_LAYERS;
  const own = layerOf(layers, file);
  if (own < 0) return [`${file}: its folder is no layer (${layers.join(" < ")})`];
  const imports = text.matchAll(/(?:from |import\()"(\.[^"]+)"/g);
  return [...imports]
    .map(([, path = ""]) => join(file, "..", path))
    .filter((target) => !(isBench ? mayBenchImport : mayImport)(own, target))
    .map((target) => `${file}: may not import ${target} (${layers.join(" < ")})`);
}

/** An example is what a user would write: it imports hakmem by name, and its own folder. */
function checkExample(file: string, text: string): string[] {
  const own = join(file, "..");
  const imports = [...text.matchAll(/(?:from |import\(|import )"([^"]+)"/g)];
  return imports
    .map(([, name = ""]) => name)
    .filter((name) => !/^(node:|hakmem$|hakmem\/)/.test(name))
    .filter((name) => !name.startsWith(".") || join(own, name, "..") !== own)
    .map((name) => `${file}: may not import ${name}, but hakmem, node: and its own folder`);
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
  return BANS.filter(
    ({ pattern, allowed }) =>
      pattern.test(code) && !allowed.some((prefix) => file.startsWith(prefix)),
  ).map(({ why }) => `${file}: ${why}`);
}

const source = listFiles("src");
const bench = listFiles("bench");
const examples = listFiles("examples", ".js");
const all = [...source, ...bench, ...examples, ...listFiles("test"), ...listFiles("scripts")];
const problems = [
  ...examples.flatMap((file) => checkExample(file, readFileSync(file, "utf8"))),
  ...bench.flatMap((file) => checkLayers(file, readFileSync(file, "utf8"))),
  ...source.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...checkLayers(file, text), ...checkHot(file, text), ...checkBans(file, text)];
  }),
  ...checkCircles(
    [...source, ...listFiles("bench")].map((file) => ({ file, text: readFileSync(file, "utf8") })),
  ),
  ...all.flatMap((file) => checkLengths(file, readFileSync(file, "utf8"))),
];
for (const problem of problems) console.error(problem);
console.log(`style: ${all.length} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

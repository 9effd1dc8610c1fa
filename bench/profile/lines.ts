/**
 * V8 counts a sample in an inlined function for its caller, and says of the inlined one only the
 * line, not the file. So the files of a profiled process other than the allocator's bundle are
 * loaded behind empty lines: the first behind some, the next behind twice as many, and so on. Then
 * no line number belongs to two files.
 */
const SHIFT_LINES = 20_000;

const BUNDLE = "/dist/index.js";

export function isBundle(url: string): boolean {
  return url.endsWith(BUNDLE);
}

/** Returns the line on disk that a line in a profile stands for. */
export function toFileLine(line: number): number {
  return line % SHIFT_LINES;
}

const HOOK = `
let lines = 0;
const shift = (url, loaded) => {
  const isShifted = url.startsWith("file:") && !url.endsWith("${BUNDLE}") && loaded.source != null;
  if (!isShifted || !/^(module|commonjs)$/.test(loaded.format)) return loaded;
  lines += ${SHIFT_LINES};
  const text = "\\n".repeat(lines) + Buffer.from(loaded.source).toString();
  return { ...loaded, source: text };
};`;

const toDataUrl = (code: string): string =>
  `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`;

/** Loader hooks on a thread, the only kind that Node has before 22.15. */
const ASYNC_HOOK = `${HOOK}
export async function load(url, context, next) { return shift(url, await next(url, context)); }`;

const REGISTER = `
import * as modules from "node:module";
${HOOK}
if (modules.registerHooks) {
  modules.registerHooks({ load: (url, context, next) => shift(url, next(url, context)) });
} else modules.register("${toDataUrl(ASYNC_HOOK)}");`;

/** Node's arguments for a process that will be profiled. */
export const PROFILED_ARGV: readonly string[] = ["--import", toDataUrl(REGISTER)];

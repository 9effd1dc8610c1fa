/**
 * Checks that what a program ships which uses `Heap` stays small, minified and gzipped; and that
 * the bundle imports nothing.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const MAX_HEAP_BYTES = 12 * 1024;
const MAX_ALL_BYTES = 25 * 1024;

/** Bytes of a program that exports some names of the bundle. */
function shippedBytes(names: string): number {
  const { outputFiles } = buildSync({
    stdin: { contents: `export ${names} from "./dist/index.js";`, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  const [file] = outputFiles;
  return gzipSync(file?.contents ?? new Uint8Array(), { level: 9 }).length;
}

const heapBytes = shippedBytes("{ Heap, HeapError, NULL }");
const allBytes = shippedBytes("*");
const imports = /^import\b/m.test(readFileSync("dist/index.js", "utf8"));
console.log(`size: Heap has ${heapBytes} bytes minified and gzipped, of ${MAX_HEAP_BYTES}`);
console.log(`size: with SharedHeap ${allBytes}, of ${MAX_ALL_BYTES}`);
if (imports) console.error("size: the core bundle imports something; it must stand alone");
process.exitCode = heapBytes <= MAX_HEAP_BYTES && allBytes <= MAX_ALL_BYTES && !imports ? 0 : 1;

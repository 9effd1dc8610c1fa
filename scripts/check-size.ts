/** Checks that the core bundle, minified and gzipped, stays small; and that nothing is imported. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { transformSync } from "esbuild";

const MAX_BYTES = 12 * 1024;

const code = readFileSync("dist/index.js", "utf8");
const { code: minified } = transformSync(code, { minify: true, format: "esm" });
const bytes = gzipSync(minified, { level: 9 }).length;
const imports = /^import\b/m.test(code);
console.log(`size: the core bundle has ${bytes} bytes minified and gzipped, of ${MAX_BYTES}`);
if (imports) console.error("size: the core bundle imports something; it must stand alone");
process.exitCode = bytes <= MAX_BYTES && !imports ? 0 : 1;

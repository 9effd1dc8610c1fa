import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { buildSync } from "esbuild";
import { topLevelConst } from "../../scripts/topLevelConst.js";

/**
 * Bundles the processes of a study into a folder, as the package is built. A process then starts in
 * milliseconds, and no compiler takes its time and memory: with one in the process, a message takes
 * 5 to 10 % longer. The core stays outside: `hakmem`, or the path of `dist/index.js`. Examples do,
 * too, and are found from two folders deep, as the sources of a study are.
 */
export function buildProcesses(folder: string, entryPoints: readonly string[]): void {
  const { outputFiles } = buildSync({
    entryPoints: [...entryPoints],
    outdir: folder,
    write: false,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    external: ["*/dist/index.js", "../../examples/*"],
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, topLevelConst(text));
  }
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

/** The address of the built package, which the threads import. */
export const DIST: string = pathToFileURL(resolve("dist/index.js")).href;

/** Programs of threads, bundled into a folder of their own. */
export class Scripts {
  private readonly folder: string = mkdtempSync(join(tmpdir(), "hakmem-stress-"));

  /** Bundles `test/stress/NAME.ts`. Returns the path of the bundle. */
  add(name: string): string {
    const outfile = join(this.folder, `${name}.mjs`);
    const entryPoints = [resolve(`test/stress/${name}.ts`)];
    const common = { bundle: true, platform: "node", format: "esm", target: "node20" } as const;
    buildSync({ ...common, entryPoints, outfile, logLevel: "error" });
    return outfile;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { toFibers } from "./transform.js";

const SEAM = fileURLToPath(new URL("seam.ts", import.meta.url));

const useSeam: Plugin = {
  name: "seam",
  setup({ onResolve }) {
    onResolve({ filter: /\/base\/sync\.js$/ }, () => ({ path: SEAM }));
  },
};

/** A change to one file of the sources. */
export interface Plant {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

function planting({ file, find, replace }: Plant): Plugin {
  return {
    name: "planting",
    setup({ onLoad }) {
      onLoad({ filter: new RegExp(`/${file}$`) }, ({ path }) => {
        const source = readFileSync(path, "utf8");
        if (source.split(find).length !== 2) throw new Error(`${file} has not once: ${find}`);
        return { contents: source.replace(find, () => replace), loader: "ts" };
      });
    },
  };
}

const OPTIONS: BuildOptions = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "error",
};

function entry(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Returns the sources as a program of fibers, whose clock is the scheduler's. */
export async function buildProgram(plant?: Plant): Promise<string> {
  const { outputFiles } = await build({
    ...OPTIONS,
    entryPoints: [entry("program.ts")],
    plugins: plant === undefined ? [useSeam] : [useSeam, planting(plant)],
    write: false,
    banner: {
      js:
        "const Date = { now: () => sync.now() }; " +
        "const setTimeout = (run, ms) => addLater(run); const clearTimeout = () => undefined;",
    },
  });
  return toFibers(outputFiles?.[0]?.text ?? "");
}

/** Writes the program and the worker that runs it; returns the worker's file. */
export async function buildWorker(folder: string, plant?: Plant): Promise<string> {
  writeFileSync(join(folder, "program.mjs"), await buildProgram(plant));
  const outfile = join(folder, "worker.mjs");
  await build({ ...OPTIONS, entryPoints: [entry("worker.ts")], outfile, sourcemap: "inline" });
  return outfile;
}

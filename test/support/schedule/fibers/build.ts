import { writeFileSync } from "node:fs";
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
export async function buildProgram(): Promise<string> {
  const { outputFiles } = await build({
    ...OPTIONS,
    entryPoints: [entry("program.ts")],
    plugins: [useSeam],
    write: false,
    banner: { js: "const Date = { now: () => sync.now() };" },
  });
  return toFibers(outputFiles?.[0]?.text ?? "");
}

/** Writes the program and the worker that runs it; returns the worker's file. */
export async function buildWorker(folder: string): Promise<string> {
  writeFileSync(join(folder, "program.mjs"), await buildProgram());
  const outfile = join(folder, "worker.mjs");
  await build({ ...OPTIONS, entryPoints: [entry("worker.ts")], outfile, sourcemap: "inline" });
  return outfile;
}

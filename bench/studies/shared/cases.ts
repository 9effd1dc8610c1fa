/** The processes of bench:shared: built with esbuild, so that a worker starts in milliseconds. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { parseRounds } from "../../measure/quiet.js";
import { findLibraries } from "../../rivals/native.js";
import { buildProcesses as build } from "../build.js";
import type { Outcome } from "./driver.js";

const run = promisify(execFile);

const FOLDER = "build/studies/shared";
const PEER_FILE = "node_modules/@daneren2005/shared-memory-objects/src/memory-buffer.ts";
const C_FLAGS = ["-O2", "-fno-builtin", "-pthread"];

/** Builds the processes, and the peer's if its folder is given. */
export function buildProcesses(peerFolder: string | undefined): void {
  const common = { outdir: FOLDER, bundle: true, format: "esm", platform: "node" } as const;
  const names = ["driver", "worker"];
  const entryPoints = names.map((name) => `bench/studies/shared/${name}.ts`);
  build(FOLDER, entryPoints);
  const flags = [...C_FLAGS, "-o", `${FOLDER}/xmalloc`, "bench/native/xmalloc.c"];
  execFileSync(process.env.CC ?? "cc", flags, { stdio: "inherit" });
  if (peerFolder === undefined) return;
  const file = resolve(peerFolder, PEER_FILE);
  if (!existsSync(file)) throw new Error(`--peer is ${peerFolder}; there is no ${join(PEER_FILE)}`);
  buildSync({ ...common, entryPoints: { peer: file } });
}

/** Runs one case on real workers, in a process of its own. */
export async function runDriver(
  name: string,
  workers: number,
  rounds: string,
  start = 0,
): Promise<Outcome> {
  const argv = [`${FOLDER}/driver.js`, name, String(workers), rounds, String(start)];
  return JSON.parse((await run(process.execPath, argv)).stdout) as Outcome;
}

/** Runs the pipe or the pair in C, on an allocator that may be preloaded. */
export async function runNative(
  mode: string,
  preload: string | undefined,
  rounds: string,
): Promise<number[]> {
  const env = { ...process.env, ...(preload === undefined ? {} : { LD_PRELOAD: preload }) };
  const { stdout } = await run(`${FOLDER}/xmalloc`, [mode, rounds], { env });
  return parseRounds(stdout).map(({ figure }) => figure);
}

export function findMimalloc(): string | undefined {
  return findLibraries().find(({ name }) => name === "mimalloc")?.path;
}

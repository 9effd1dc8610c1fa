import { execFile, execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { promisify } from "node:util";
import { parseRounds, Quiet, type Round } from "../../measure/quiet.js";
import { findLibraries } from "../../rivals/native.js";

const run = promisify(execFile);

/** A process that runs one case and prints a round a line. */
export interface Subject {
  readonly name: string;
  /** Of the processes whose probes are the same code. */
  readonly quiet: Quiet;
  run(args: readonly string[]): Promise<Round[]>;
}

const natives = new Quiet();
const scripts = new Quiet();

/** As many as the tables have room for. */
const RIVALS = ["mimalloc", "jemalloc"];

export const BINARY = "build/native";

/** Builds native.c with the machine's compiler. Throws if there is none. */
export function buildNative(): void {
  mkdirSync("build", { recursive: true });
  const flags = ["-O2", "-fno-builtin", "-o", BINARY, "bench/native/native.c"];
  execFileSync(process.env.CC ?? "cc", flags, { stdio: "inherit" });
}

function native(name: string, preload: string | undefined): Subject {
  const env = { ...process.env, ...(preload === undefined ? {} : { LD_PRELOAD: preload }) };
  return {
    name,
    quiet: natives,
    run: async (args) => parseRounds((await run(BINARY, [...args], { env })).stdout),
  };
}

function hakmem(name: string, heap: string): Subject {
  const env = { ...process.env, BENCH_HEAP: heap };
  return {
    name,
    quiet: scripts,
    run: async (args) => {
      const argv = ["--import", "tsx", "bench/studies/native/ours.ts", ...args];
      return parseRounds((await run(process.execPath, argv, { env })).stdout);
    },
  };
}

export const ours: Subject = hakmem("hakmem", "heap");
export const oursShared: Subject = hakmem("SharedHeap", "shared");

/** The allocators of this machine: glibc's, and those that can be preloaded. */
export function findNatives(): { found: Subject[]; missing: string[] } {
  const found = [native("glibc", undefined)];
  const missing: string[] = [];
  for (const { name, path, install } of findLibraries()) {
    if (!RIVALS.includes(name)) continue;
    if (path === undefined) missing.push(`${name} is not installed (${install}): skipped`);
    else found.push(native(name, path));
  }
  return { found, missing };
}

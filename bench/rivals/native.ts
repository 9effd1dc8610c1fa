import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { asset } from "../base/assets.js";
import { joinSource } from "../native/join.js";
import { SUBJECTS } from "./table.js";

const run = promisify(execFile);

/** A native allocator that can be run: `command SCRIPTFILE`, in that environment. */
export interface Native {
  readonly name: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A native allocator that cannot be run, and what to do about it. */
interface MissingNative {
  readonly name: string;
  readonly reason: string;
}

export interface Natives {
  readonly found: readonly Native[];
  readonly missing: readonly MissingNative[];
}

const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/local/lib",
  "/usr/lib",
];

const FLAGS = ["-O2", "-fno-builtin", "-pthread"];

/**
 * Returns a file that is built once on a machine and kept in the folder for temporary files, by a
 * hash of `key`. It gets its name when it is complete, because several processes may build it at
 * once.
 */
export async function cached(
  name: string,
  key: string,
  build: (file: string) => Promise<void>,
): Promise<string> {
  const folder = cacheFolder();
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const file = join(folder, `${hash}-${name}`);
  if (existsSync(file)) return file;
  const draft = join(folder, `${process.pid}-${hash}-${name}`);
  await build(draft);
  renameSync(draft, file);
  return file;
}

/** Returns the folder for such files. It must be this user's, because its files are run. */
function cacheFolder(): string {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `hakmem-${user ?? "user"}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || (user !== undefined && status.uid !== user)) {
    throw new Error(`${folder} is another user's: remove it, or set TMPDIR`);
  }
  return folder;
}

/** Returns the C source of native subjects: from the sources if they run, else the shipped one. */
function readSource(): string {
  const own = new URL("../native/subject.c", import.meta.url);
  const areSources = import.meta.url.endsWith(".ts") && existsSync(own);
  return areSources ? joinSource(own) : readFileSync(asset("subject.c"), "utf8");
}

/** Compiles a C program once on a machine. Rejects if there is no C compiler. */
export async function compile(name: string, text: string): Promise<string> {
  const [compiler = "cc", ...own] = (process.env.CC ?? "cc").trim().split(/\s+/);
  const key = [compiler, ...own, ...FLAGS, text].join("\n");
  return await cached(name, key, async (file) => {
    const source = `${file}.c`;
    writeFileSync(source, text);
    await run(compiler, [...own, ...FLAGS, "-o", file, source]);
    rmSync(source);
  });
}

/** An allocator that can be preloaded; it has no path if it is not installed. */
interface Library {
  readonly name: string;
  readonly path: string | undefined;
  readonly install: string;
}

function findLibraries(): Library[] {
  return SUBJECTS.flatMap(({ name, libraries, install = "" }) => {
    if (libraries === undefined) return [];
    const paths = LIBRARY_FOLDERS.flatMap((folder) => libraries.map((file) => join(folder, file)));
    return [{ name, path: paths.find((path) => existsSync(path)), install }];
  });
}

/** Returns whether preloading works: on failure the linker only warns, and glibc's malloc runs. */
async function preloads(native: Native): Promise<boolean> {
  try {
    await run(native.command, [], { env: native.env });
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    return stderr.startsWith("usage:");
  }
  return false;
}

/** Finds the allocators of this machine: glibc's, and those that can be preloaded. */
export async function findNatives(): Promise<Natives> {
  if (process.platform !== "linux") return allMissing("native allocators are run on Linux only");
  let command: string;
  try {
    command = await compile("subject", readSource());
  } catch (error) {
    return allMissing(explain(error as NodeJS.ErrnoException & { stderr?: string }));
  }
  // The user's own preloaded allocator would run in the place of glibc's.
  const plain = { ...process.env, LD_PRELOAD: undefined };
  const found: Native[] = [{ name: "glibc", command, env: plain }];
  const missing: MissingNative[] = [];
  for (const { name, path, install } of findLibraries()) {
    const native = { name, command, env: { ...process.env, LD_PRELOAD: path } };
    if (path === undefined) missing.push({ name, reason: `it is not installed: ${install}` });
    else if (await preloads(native)) found.push(native);
    else missing.push({ name, reason: `${path} cannot be preloaded` });
  }
  return { found, missing };
}

function explain({ code, message, stderr }: NodeJS.ErrnoException & { stderr?: string }): string {
  if (code === "ENOENT") return "there is no C compiler: apt-get install gcc (or set CC)";
  const line = (stderr ?? "").split("\n").find((text) => text.includes("error"));
  return `its process could not be built: ${line ?? message.split("\n")[0]}`;
}

function allMissing(reason: string): Natives {
  const rows = SUBJECTS.filter(({ kind }) => kind === "native");
  return { found: [], missing: rows.map(({ name }) => ({ name, reason })) };
}

import { UsageError } from "../base/session.js";
import type { SubjectRow } from "./subject.js";

/** What programs in JavaScript use today: the rivals unless others are asked for. */
export const USUAL_RIVALS: readonly string[] = ["buffer", "uint8array"];

/**
 * Every subject that the benches know, hakmem first: the only list of rivals. Another build of
 * hakmem, `build:DIR` or `build-shared:DIR`, is a subject too.
 */
export const SUBJECTS: readonly SubjectRow[] = [
  { name: "hakmem", title: "hakmem", kind: "heap" },
  { name: "hakmem-shared", title: "hakmem, a SharedHeap", kind: "heap" },
  { name: "buffer", title: "Buffer.allocUnsafe, pool of 8 KiB", kind: "javascript" },
  { name: "buffer-64k", title: "Buffer.allocUnsafe, pool of 64 KiB", kind: "javascript" },
  { name: "uint8array", title: "new Uint8Array", kind: "javascript" },
  {
    name: "typedarray-pool",
    title: "typedarray-pool",
    kind: "javascript",
    install: "npm install typedarray-pool",
  },
  {
    name: "thi.ng",
    title: "@thi.ng/malloc MemPool",
    kind: "javascript",
    install: "npm install @thi.ng/malloc",
  },
  {
    name: "malloc",
    title: "malloc of npm, a skip list",
    kind: "javascript",
    install: "npm install malloc",
  },
  {
    name: "tlsf",
    title: "TLSF of AssemblyScript",
    kind: "wasm",
    install: "npm install assemblyscript",
  },
  {
    name: "dlmalloc",
    title: "dlmalloc of Emscripten",
    kind: "wasm",
    install: "apt-get install emscripten",
  },
  { name: "glibc", title: "malloc of glibc", kind: "native", install: "apt-get install gcc" },
  {
    name: "mimalloc",
    title: "mimalloc",
    kind: "native",
    libraries: ["libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so"],
    install: "apt-get install gcc libmimalloc2.0",
  },
  {
    name: "jemalloc",
    title: "jemalloc",
    kind: "native",
    libraries: ["libjemalloc.so.2"],
    install: "apt-get install gcc libjemalloc2",
  },
  {
    name: "tcmalloc",
    title: "tcmalloc, minimal",
    kind: "native",
    libraries: ["libtcmalloc_minimal.so.4"],
    install: "apt-get install gcc libtcmalloc-minimal4",
  },
];

/** The start of another build's name, by the heap that it is asked for; its folder follows. */
export const BUILD_PREFIX = "build:";
export const SHARED_BUILD_PREFIX = "build-shared:";

/** Returns the folder of another build, or undefined for a subject that is none. */
export function buildFolderOf(name: string): string | undefined {
  const prefix = [BUILD_PREFIX, SHARED_BUILD_PREFIX].find((start) => name.startsWith(start));
  return prefix === undefined ? undefined : name.slice(prefix.length);
}

/** Returns whether a subject is a native allocator. */
export function isNative(name: string): boolean {
  return SUBJECTS.some((row) => row.name === name && row.kind === "native");
}

/** Returns what a subject is called in a table. */
export function titleOf(name: string): string {
  const folder = buildFolderOf(name);
  if (folder !== undefined) {
    return `hakmem in ${folder}${name.startsWith(SHARED_BUILD_PREFIX) ? ", a SharedHeap" : ""}`;
  }
  return SUBJECTS.find((row) => row.name === name)?.title ?? name;
}

/** The names that stand for all rivals of a kind. hakmem's own heaps are asked for by name. */
const GROUPS = ["javascript", "wasm", "native"];

/** Returns the rivals of a list. @throws {UsageError} for an unknown one. */
export function readRivals(list: string | undefined): string[] {
  if (list === undefined) return [];
  const rivals = SUBJECTS.filter(({ kind }) => kind !== "heap");
  const known = SUBJECTS.map(({ name }) => name).filter((name) => name !== "hakmem");
  const asked = list.split(",").map((name) => name.trim());
  const names = asked.flatMap((name) => {
    if (name === "all") return rivals.map((row) => row.name);
    if (GROUPS.includes(name)) {
      return rivals.filter(({ kind }) => kind === name).map((row) => row.name);
    }
    if (known.includes(name) || buildFolderOf(name) !== undefined) return [name];
    const builds = [`${BUILD_PREFIX}DIR`, `${SHARED_BUILD_PREFIX}DIR`];
    const accepted = ["all", ...GROUPS, ...known, ...builds].join(", ");
    throw new UsageError(`${name} is no rival; the rivals are ${accepted}`);
  });
  return [...new Set(names)];
}

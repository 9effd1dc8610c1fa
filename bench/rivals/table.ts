import type { Subject, SubjectRow } from "./subject.js";

/** Everything that `--against` knows, hakmem first. */
export const SUBJECTS: readonly SubjectRow[] = [
  { name: "hakmem", title: "hakmem", kind: "heap" },
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
    install: "apt-get install gcc libmimalloc2.0",
  },
  {
    name: "jemalloc",
    title: "jemalloc",
    kind: "native",
    install: "apt-get install gcc libjemalloc2",
  },
  {
    name: "tcmalloc",
    title: "tcmalloc, minimal",
    kind: "native",
    install: "apt-get install gcc libtcmalloc-minimal4",
  },
];

/**
 * Makes a subject in JavaScript or wasm. Each is imported when it is wanted: the process of one
 * loads no other.
 * @throws {SubjectMissing} what it needs is not installed.
 */
export async function createSubject(name: string): Promise<Subject<unknown>> {
  return (await create(name)) as Subject<unknown>;
}

async function create(name: string): Promise<unknown> {
  switch (name) {
    case "hakmem":
      return (await import("./heap.js")).createHeapSubject();
    case "buffer":
      return (await import("./views.js")).createBuffers(8 * 1024);
    case "buffer-64k":
      return (await import("./views.js")).createBuffers(64 * 1024);
    case "uint8array":
      return (await import("./views.js")).createUint8Arrays();
    case "typedarray-pool":
      return await (await import("./views.js")).createTypedarrayPool();
    case "thi.ng":
      return await (await import("./linear.js")).createThiNg();
    case "malloc":
      return await (await import("./linear.js")).createCodemix();
    case "tlsf":
      return await (await import("./linear.js")).createTlsf();
    case "dlmalloc":
      return await (await import("./linear.js")).createDlmalloc();
    default:
      throw new Error(`${name} is no subject in JavaScript or wasm`);
  }
}

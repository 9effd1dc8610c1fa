import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
// The bundle's head declares `createRequire` itself: importing it by that name would clash.
import * as nodeModule from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { cached } from "./native.js";
import { type Subject, SubjectMissing } from "./subject.js";

const run = promisify(execFile);

/** The memory that every rival over one buffer gets. */
const HEAP_BYTES = 256 * 2 ** 20;
const PAGES = HEAP_BYTES / 2 ** 16;

interface LinearOps {
  readonly malloc: (size: number) => number;
  readonly free: (block: number) => void;
  readonly realloc: (block: number, size: number) => number;
}

/**
 * Returns a subject whose blocks are offsets into one array, which is never replaced. It has the
 * functions that it is given, for all subjects alike, because a wrapper would cost time. They must
 * not need `this`.
 */
export function linear(u8: Uint8Array, ops: LinearOps): Subject<number> {
  const Slots = u8.length <= 2 ** 31 ? Int32Array : Float64Array;
  return {
    createSlots: (count) => new Slots(count),
    malloc: ops.malloc,
    free: ops.free,
    realloc: ops.realloc,
    write(block, offset, value) {
      u8[block + offset] = value;
    },
    read: (block, offset) => u8[block + offset] as number,
    fill(block, size, value) {
      u8.fill(value, block, block + size);
    },
  };
}

/** Finds a package's file where the command runs, else where it is installed. */
function resolvePackage(specifier: string): string {
  for (const from of [join(process.cwd(), "from"), import.meta.url]) {
    try {
      return nodeModule.createRequire(from).resolve(specifier);
    } catch {
      // Tried from the other place, or reported below.
    }
  }
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  throw new SubjectMissing(`${name} is not installed: npm install ${name}`);
}

/**
 * Loads a rival. None of them is a dependency of this package.
 * @throws {SubjectMissing} if it is not installed; the message says how to install it.
 */
export async function loadPackage(name: string): Promise<unknown> {
  return await import(pathToFileURL(resolvePackage(name)).href);
}

function exhausted(name: string): Error {
  return new Error(`${name} is exhausted: no room in its 256 MiB`);
}

interface ThiNgModule {
  readonly MemPool: new (options: {
    size: number;
    align: number;
  }) => LinearOps & { readonly u8: Uint8Array };
}

export async function createThiNg(): Promise<Subject<number>> {
  const { MemPool } = (await loadPackage("@thi.ng/malloc")) as ThiNgModule;
  const pool = new MemPool({ size: HEAP_BYTES, align: 16 });
  // As with each rival, only what a program must do too is done around its own functions.
  const check = (block: number): number => {
    if (block === 0) throw exhausted("thi.ng");
    return block;
  };
  // It refuses a size of 0 by returning 0, as when it is exhausted.
  return linear(pool.u8, {
    malloc: (size) => check(pool.malloc(size || 1)),
    free: (block) => pool.free(block),
    realloc(block, size) {
      const moved = check(pool.realloc(block, size || 1));
      // Version 6.1.150 looks for the old block at a wrong address, and so never frees it.
      if (moved !== block) pool.free(block);
      return moved;
    },
  });
}

interface CodemixModule {
  readonly default: new (
    buffer: ArrayBuffer,
  ) => {
    alloc(size: number): number;
    free(block: number): number;
    /** Usable bytes of a block. */
    sizeOf(block: number): number;
  };
}

/** The package has no realloc, so a program allocates, copies and frees. */
export async function createCodemix(): Promise<Subject<number>> {
  const { default: Allocator } = (await loadPackage("malloc")) as CodemixModule;
  const buffer = new ArrayBuffer(HEAP_BYTES);
  const u8 = new Uint8Array(buffer);
  const allocator = new Allocator(buffer);
  const malloc = (size: number): number => {
    const block = allocator.alloc(size);
    if (block === 0) throw exhausted("malloc");
    return block;
  };
  const free = (block: number): void => {
    allocator.free(block);
  };
  return {
    ...linear(u8, { malloc, free, realloc: malloc }),
    realloc(block, size) {
      const moved = malloc(size);
      u8.copyWithin(moved, block, block + Math.min(size, allocator.sizeOf(block)));
      free(block);
      return moved;
    },
  };
}

/** The part of WebAssembly that is used here; Node's types leave it to those of browsers. */
interface WasmApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: object }>;
  readonly Module: {
    imports(module: object): { readonly module: string; readonly name: string }[];
  };
  readonly RuntimeError: new () => Error;
}

interface WasmExports extends LinearOps {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly _initialize?: () => void;
}

async function instantiate(name: string, file: string): Promise<Subject<number>> {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WasmApi };
  const module = await wasm.compile(readFileSync(file));
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name: wanted } of wasm.Module.imports(module)) {
    imports[from] = { ...imports[from], [wanted]: () => 0 };
  }
  const { exports } = await wasm.instantiate(module, imports);
  const { memory, malloc, free, realloc, _initialize } = exports as WasmExports;
  _initialize?.();
  // Without room dlmalloc returns 0; TLSF traps.
  const check = (block: number): number => {
    if (block === 0) throw exhausted(name);
    return block;
  };
  const explain = (error: unknown): unknown =>
    error instanceof wasm.RuntimeError ? exhausted(name) : error;
  return linear(new Uint8Array(memory.buffer), {
    malloc(size) {
      try {
        return check(malloc(size));
      } catch (error) {
        throw explain(error);
      }
    },
    free,
    // In C, a resize to 0 may free the block.
    realloc(block, size) {
      try {
        return check(realloc(block, size || 1));
      } catch (error) {
        throw explain(error);
      }
    },
  });
}

const TLSF_SOURCE = `
export function malloc(size: usize): usize { return heap.alloc(size); }
export function free(block: usize): void { heap.free(block); }
export function realloc(block: usize, size: usize): usize { return heap.realloc(block, size); }
`;

/** The runtime "minimal" has TLSF for its heap; "stub" would not reuse what is freed. */
const TLSF_FLAGS = [
  ...["--runtime", "minimal", "-O3", "--noAssert", "--use", "abort="],
  ...["--initialMemory", String(PAGES), "--maximumMemory", String(PAGES)],
];

/** Returns AssemblyScript's TLSF. Another process compiles it, so that nothing is left here. */
export async function createTlsf(): Promise<Subject<number>> {
  const compiler = resolvePackage("assemblyscript/bin/asc.js");
  const { version } = JSON.parse(
    readFileSync(join(dirname(compiler), "..", "package.json"), "utf8"),
  ) as { version: string };
  const key = [version, ...TLSF_FLAGS, TLSF_SOURCE].join("\n");
  const file = await cached("tlsf.wasm", key, async (draft) => {
    const source = `${draft}.ts`;
    writeFileSync(source, TLSF_SOURCE);
    const files = [basename(source), "--outFile", basename(draft)];
    const args = ["--enable-source-maps", compiler, ...files, ...TLSF_FLAGS];
    await run(process.execPath, args, { cwd: dirname(draft) });
    rmSync(source);
  });
  return await instantiate("tlsf", file);
}

const EMCC_FLAGS = [
  ...["-O3", "-sMALLOC=dlmalloc", "--no-entry", "-sSTANDALONE_WASM"],
  ...[`-sINITIAL_MEMORY=${HEAP_BYTES}`, "-sEXPORTED_FUNCTIONS=_malloc,_free,_realloc"],
];

async function emccVersion(): Promise<string> {
  try {
    return (await run("emcc", ["--version"])).stdout;
  } catch {
    throw new SubjectMissing("there is no emcc: apt-get install emscripten");
  }
}

/** Returns Emscripten's dlmalloc. */
export async function createDlmalloc(): Promise<Subject<number>> {
  const key = [await emccVersion(), ...EMCC_FLAGS].join("\n");
  const file = await cached("dlmalloc.wasm", key, async (draft) => {
    const source = `${draft}.c`;
    writeFileSync(source, "extern int unused;\n");
    await run("emcc", [source, "-o", draft, ...EMCC_FLAGS]);
    rmSync(source);
  });
  return await instantiate("dlmalloc", file);
}

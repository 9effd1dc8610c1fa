import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeInstalled } from "../support/install.js";

const folder = makeInstalled("hakmem-types-");
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
import { Heap, type Ptr, SharedHeap } from "hakmem";
import { BufferPool } from "hakmem/buffers";
import "hakmem/codec";
const heap = SharedHeap.create();
for (const ptr of heap.recover(1).live) heap.free(ptr);
const ptrs: Ptr[] = heap.recover(2, { freeLive: true }).live;
heap.detach();
Heap.create().freeBatch(ptrs, 0);
function use(pool: BufferPool): void {
  pool.free(pool.alloc(3));
}
use(new BufferPool(Heap.create()));
use(new BufferPool<SharedArrayBuffer>(heap));
`;

const USING = `
import { Heap, SharedHeap } from "hakmem";
{
  using heap = Heap.create();
  using shared = SharedHeap.create();
  const disposable: Disposable = shared;
  console.log(heap, disposable);
}
`;

const SERVER = `
import { createServer } from "node:net";
import { Heap } from "hakmem";
import { type Bytes, BytesPool } from "hakmem/buffers";
import { LengthFieldFramer } from "hakmem/codec";
import { type Connection, connect, serve, type ServeOptions } from "hakmem/node";
const pool = new BytesPool(Heap.create());
const handler = (frame: Bytes, connection: Connection): boolean => connection.write(frame);
const framer = () => new LengthFieldFramer(pool, { width: 4, maximum: 9 });
const options: ServeOptions = { pool, framer, handler };
serve(createServer(), options).close({ timeout: 1 }).then(() => connect({ port: 1 }, options));
`;

/** What the compiler says of a program that uses the package, whose types it checks too. */
function errorsOf(program: string, lib: string, types = ""): string {
  writeFileSync(join(folder, "program.mts"), program);
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", types];
  const options = ["--target", "es2022", "--module", "nodenext", "--lib", lib, ...flags];
  options.push("--typeRoots", resolve("node_modules/@types"));
  const tsc = resolve("node_modules/typescript/bin/tsc");
  try {
    return execFileSync(process.execPath, [tsc, ...options, "program.mts"], {
      cwd: folder,
      encoding: "utf8",
    });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

it("types compile with the library of ES2022", () => {
  expect(errorsOf(PROGRAM, "es2022")).toBe("");
}, 60_000);

it("and a server, with the types of Node", () => {
  expect(errorsOf(SERVER, "es2023,esnext.disposable", "node")).toBe("");
}, 60_000);

it.each([["es2022,esnext.disposable,dom"], ["esnext,dom"]])(
  "and with using, %s",
  (lib) => {
    expect(errorsOf(USING, lib)).toBe("");
  },
  60_000,
);

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

const STRUCTS = `
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import {
  bits, constant, type Field, type Infer, lazy, mapped, Reader, ref, repeated, sized, type Struct,
  struct, tagged, u8, u32be, u64be, union, utf8, utf8Prefixed, when, Writer,
} from "hakmem/codec";
const heap = Heap.create();
const Item = struct({ key: u8, date: mapped(u64be, Number, BigInt) });
const Message = struct({
  magic: constant(u8, 7),
  size: u32be,
  flags: bits(3),
  has: bits(1),
  kind: bits(4),
  name: utf8(ref("size")),
  note: when("has", utf8Prefixed("u8")),
  body: union("kind", { 1: Item, 2: utf8Prefixed("u8") }),
  items: repeated("u16be", Item),
  any: sized("varint", tagged(u8, { 1: Item })),
});
type Message = Infer<typeof Message>;
const writer = new Writer(heap);
Message.write(writer, {
  flags: 1, kind: 2, name: "", body: "", items: [], any: { tag: 1, value: { key: 1, date: 2 } },
});
const message: Message | undefined = Message.read(new Reader(writer.view()));
if (message?.kind === 1) console.log(message.body.key.toFixed(), message.note?.length);
if (message?.kind === 2) console.log(message.body.length, message.any.value.date.toFixed());
// @ts-expect-error id is no field
console.log(message.id);
// @ts-expect-error 1 is no text
Message.encode(new BytesPool(heap), { flags: 1, kind: 2, name: 1, body: "", items: [] });
// @ts-expect-error a field is no name
struct({ a: "u8" });
interface Tree { id: number; children: Tree[] }
const Tree: Struct<Tree> = struct({ id: u8, children: repeated("u8", lazy(() => Tree)) });
const field: Field<Tree> = Tree;
console.log(Tree.decode(Uint8Array.of(1, 0)).children[0]?.children, field);
Message.framer(new BytesPool(heap), { maximum: 100 }).push(new Uint8Array(1), (frame) => {
  console.log(Message.decode(frame).flags);
  frame.release();
});
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

it("and structs, whose values are inferred", () => {
  expect(errorsOf(STRUCTS, "es2023,esnext.disposable,dom")).toBe("");
}, 60_000);

it.each([["es2022,esnext.disposable,dom"], ["esnext,dom"]])(
  "and with using, %s",
  (lib) => {
    expect(errorsOf(USING, lib)).toBe("");
  },
  60_000,
);

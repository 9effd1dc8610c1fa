import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { FixedFramer } from "../../../src/codec/index.js";
import * as node from "../../../src/node/index.js";
import { newPool } from "./help.js";
import { inMemory } from "./kinds.js";

const folder = mkdtempSync(join(tmpdir(), "hakmem-arguments-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { heap, pool } = newPool();
const released = pool.alloc(1);
released.release();
const buffers = new node.NodeBufferPool(heap);

/** Values that no function takes where another kind of thing belongs. */
const WRONG: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  1.5,
  Number.NaN,
  10n,
  Symbol("s"),
  "text",
  {},
  [],
  () => {},
  class {},
  new Date(0),
  Object.create(null),
  new Proxy({}, {}),
  new Uint16Array(2),
  new ArrayBuffer(8),
  heap,
];

type Call = (value: never) => unknown;
const path = join(folder, "file");
const target = { buffer: new Uint8Array(8), onRead: () => true };

/** Each public function with a wrong value in each place, the others being right. */
const CALLS: Readonly<Record<string, Call>> = {
  "readInto, socket": (value) => node.readInto(value, target),
  "readInto, target": (value) => node.readInto(inMemory().socket, value),
  "readInto, buffer": (value) =>
    typeof value === "function" || node.readInto(inMemory().socket, { ...target, buffer: value }),
  "readInto, onRead": (value) =>
    typeof value === "function" || node.readInto(inMemory().socket, { ...target, onRead: value }),
  "bytesOf, socket": (value) => node.bytesOf(value, pool),
  "bytesOf, pool": (value) => node.bytesOf(inMemory().socket, value),
  "bytesOf, chunkBytes": (value) =>
    value === undefined || node.bytesOf(inMemory().socket, pool, value),
  "bytesOf, write": (value) => node.bytesOf(inMemory().socket, pool).write(value),
  "duplexOf, socket": (value) => node.duplexOf(value, pool),
  "duplexOf, pool": (value) => node.duplexOf(inMemory().socket, value),
  framesOf: (value) => node.framesOf(value),
  "readBytes, stream": (value) =>
    Array.isArray(value) || typeof value === "string" || node.readBytes(value, pool).next(),
  "readBytes, pool": (value) => node.readBytes(new PassThrough(), value).next(),
  "writeBytes, stream": (value) => node.writeBytes(value, released),
  "writeBytes, bytes": (value) => node.writeBytes(new PassThrough(), value),
  "writeThen, stream": (value) => node.writeThen(value, new Uint8Array(1), () => {}),
  "writeThen, bytes": (value) => node.writeThen(new PassThrough(), value, () => {}),
  "writeThen, done": (value) =>
    typeof value === "function" || node.writeThen(new PassThrough(), new Uint8Array(1), value),
  "writeAndFree, stream": (value) => node.writeAndFree(value, buffers, buffers.alloc(1)),
  "writeAndFree, pool": (value) => node.writeAndFree(new PassThrough(), value, buffers.alloc(1)),
  "writeAndFree, buffer": (value) => node.writeAndFree(new PassThrough(), buffers, value),
  "readFileBytes, path": (value) => value === "text" || node.readFileBytes(value, pool),
  "readFileBytes, pool": (value) => node.readFileBytes(path, value),
  "readFileChunks, pool": (value) => node.readFileChunks(path, value).next(),
  "readFileChunks, size": (value) =>
    value === undefined || node.readFileChunks(path, pool, value).next(),
  "writeFileBytes, path": (value) => value === "text" || node.writeFileBytes(value, released),
  "writeFileBytes, bytes": (value) => node.writeFileBytes(path, value),
  "NodeBufferPool, heap": (value) => value === heap || new node.NodeBufferPool(value),
  "NodeBufferPool, size": (value) => buffers.alloc(value),
  "NodeBufferPool, fill": (value) =>
    ["undefined", "number", "string"].includes(typeof value) || buffers.alloc(4, value),
};

/** Returns the code of the error that a call throws or rejects with; "none" if it does neither. */
async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    return result === true ? "skipped" : "none";
  } catch (error) {
    return (error as { code?: unknown }).code ?? String(error);
  }
}

describe("a wrong argument", () => {
  it.each(Object.entries(CALLS))("is refused with a code: %s", async (_name, call) => {
    for (const value of WRONG) {
      const code = await codeOf(() => call(value as never));
      expect(code, String(typeof value)).toMatch(/^(ERR_[A-Z_]+|skipped)$/);
    }
  });

  it("is refused before anything is written or freed", () => {
    const stream = new PassThrough();
    const foreign = new node.NodeBufferPool(heap).from("foreign");
    const view = buffers.from("once");
    const part = view.subarray(1);
    for (const buffer of [foreign, part as typeof view, new Uint8Array(3) as typeof view]) {
      expect(() => node.writeAndFree(stream, buffers, buffer)).toThrow(
        expect.objectContaining({ code: "ERR_NOT_OWNED" }),
      );
    }
    expect(() => node.writeBytes(stream, released)).toThrow(
      expect.objectContaining({ code: "ERR_RELEASED" }),
    );
    expect(stream.readableLength).toBe(0);
    node.writeAndFree(stream, buffers, view);
    expect(String(stream.read())).toBe("once");
  });

  it("in a stream of objects ends the stream, and nothing is lost", async () => {
    const own = newPool();
    const frames = node.framesOf(new FixedFramer(own.pool, 4));
    const failed = new Promise((resolve) => frames.once("error", resolve));
    frames.write(own.pool.from("1234"));
    frames.write(5);
    frames.write("text");
    frames.on("data", (frame: { release(): void }) => frame.release());
    await expect(failed).resolves.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect(own.heap.stats().live.blocks).toBe(0);
    const duplex = node.duplexOf(inMemory().socket, own.pool);
    const refused = new Promise((resolve) => duplex.once("error", resolve));
    duplex.write(5);
    duplex.write("text");
    await expect(refused).resolves.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  });
});

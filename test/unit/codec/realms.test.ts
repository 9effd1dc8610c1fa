import vm from "node:vm";
import { describe, expect, it } from "vitest";
import {
  crc32,
  DelimiterFramer,
  encodeFrame,
  FixedFramer,
  LengthFieldFramer,
  Reader,
  WebSocketFramer,
  Writer,
} from "../../../src/codec/index.js";
import { collect, expectNothingLeft, newBench } from "./framing/help.js";

const BYTES = [0, 2, 65, 66];

class Subclass extends Uint8Array {
  static get [Symbol.species](): Uint8ArrayConstructor {
    throw new Error("no species");
  }
  override subarray(): never {
    throw new Error("no subarray");
  }
}

/** The bytes in every kind of array that a program may hold. */
const ARRAYS: [string, Uint8Array][] = [
  ["this realm", Uint8Array.from(BYTES)],
  ["another realm", vm.runInNewContext("Uint8Array.of(0, 2, 65, 66)")],
  [
    "another realm, within a buffer",
    vm.runInNewContext("Uint8Array.of(9, 0, 2, 65, 66, 9).subarray(1, 5)"),
  ],
  [
    "another realm, shared memory",
    vm.runInNewContext(
      "const a = new Uint8Array(new SharedArrayBuffer(4)); a.set([0, 2, 65, 66]); a",
    ),
  ],
  [
    "a subclass of another realm",
    vm.runInNewContext("(class extends Uint8Array {}).of(0, 2, 65, 66)"),
  ],
  ["a Buffer", Buffer.from(BYTES)],
  ["shared memory", new Uint8Array(new SharedArrayBuffer(4))],
  ["a subclass", new Subclass(BYTES)],
];
ARRAYS.find(([name]) => name === "shared memory")?.[1].set(BYTES);

describe.each(ARRAYS)("an array of %s", (_name, array) => {
  it("is framed", () => {
    const bench = newBench();
    const { pool } = bench;
    const texts: string[] = [];
    for (const framer of [
      new LengthFieldFramer(pool, { width: 2, maximum: 9 }),
      new DelimiterFramer(pool, { delimiter: "B", strip: false, maximum: 9 }),
      new FixedFramer(pool, 4),
    ]) {
      framer.push(array, collect(texts));
      framer.scan(array, 0, 4, (view, offset, length) => {
        texts.push(String.fromCharCode(...new Uint8Array(view).slice(offset, offset + length)));
      });
      // Once more, so that a frame begins in one array and ends in the next.
      framer.scan(array, 0, 3, () => {});
      framer.push(Uint8Array.of(66), collect(texts));
    }
    expect(texts).toEqual(new Array(9).fill("\0\x02AB"));
    expectNothingLeft(bench);
  });

  it("is a delimiter", () => {
    const bench = newBench();
    const texts: string[] = [];
    const framer = new DelimiterFramer(bench.pool, { delimiter: array, maximum: 9 });
    framer.push(Uint8Array.of(88, ...BYTES), collect(texts));
    expect(texts).toEqual(["X"]);
    expectNothingLeft(bench);
  });

  it("is a payload and a mask", () => {
    const bench = newBench();
    const { pool } = bench;
    const framer = new WebSocketFramer(pool, { role: "server", maximum: 999 });
    const texts: string[] = [];
    framer.push(encodeFrame(pool, { opcode: 1, mask: array }, array), (frame) => {
      texts.push(frame.payload.toString());
      frame.release();
    });
    expect(texts).toEqual(["\0\x02AB"]);
    expectNothingLeft(bench);
  });

  it("is read and written", () => {
    const bench = newBench();
    const reader = new Reader(array);
    expect([reader.u16be(), reader.utf8(2)]).toEqual([2, "AB"]);
    reader.reset(array);
    expect(reader.bytes(4)).toEqual(Uint8Array.from(BYTES));
    reader.rewind();
    expect([reader.copyTo(array), ...reader.source]).toEqual([4, ...BYTES]);
    for (let round = 0; round < 2; round++) {
      reader.reset(array, 1, 2);
      expect([reader.u16be(), reader.remaining]).toEqual([0x241, 0]);
    }
    expect(crc32(array)).toBe(crc32(Uint8Array.from(BYTES)));
    const writer = new Writer(bench.heap);
    writer.bytes(array);
    writer.bytesPrefixed("u8", array);
    writer.patchBytes(1, array);
    expect([...writer.view()]).toEqual([0, 0, 2, 65, 66, 0, 2, 65, 66]);
    writer[Symbol.dispose]();
    expectNothingLeft(bench);
  });
});

/**
 * What a server does with every frame of a browser, unmasking, by hakmem's words and by ws's loop
 * in JavaScript.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Heap } from "hakmem";
import { maskRange } from "../../../src/codec/webSocket/mask.js";
import type { Timed } from "../../measure/inProcess.js";

type Unmask = (buffer: Buffer, mask: Buffer) => void;

const MASK = Buffer.of(0x37, 0xfa, 0x21, 0x3d);

/** Returns ws's own loop: with bufferutil, or the mask of newer runtimes, ws would use theirs. */
function loadPeer(): Unmask {
  process.env.WS_NO_BUFFER_UTIL = "1";
  const require = createRequire(import.meta.url);
  Reflect.deleteProperty(require("node:http"), "websocketMask");
  const file = join(dirname(require.resolve("ws")), "lib/buffer-util.js");
  return (require(file) as { unmask: Unmask }).unmask;
}

/** @throws Error unless both unmask the same bytes alike. */
function check(own: Uint8Array, peer: Uint8Array): void {
  const at = own.findIndex((byte, index) => byte !== peer[index]);
  if (at >= 0) throw new Error(`byte ${at} of ${own.length} differs`);
}

/** Both on a payload of so many bytes, so many bytes after a multiple of 4. */
export function unmaskers(size: number, alignment: number): Timed[] {
  const heap = Heap.create({ capacity: 2 ** 21 });
  const { u8, i32 } = heap;
  const start = heap.malloc(size + 4) + alignment;
  const end = start + size;
  const buffer = Buffer.allocUnsafeSlow(size + 4).subarray(alignment, alignment + size);
  for (let index = 0; index < size; index++) {
    u8[start + index] = (index * 7) & 255;
    buffer[index] = (index * 7) & 255;
  }
  const word = MASK.readInt32LE(0);
  const unmask = loadPeer();
  maskRange(u8, i32, start, end, word);
  unmask(buffer, MASK);
  check(u8.subarray(start, end), buffer);
  return [
    {
      name: "hakmem",
      run(times) {
        for (let time = 0; time < times; time++) maskRange(u8, i32, start, end, word);
      },
    },
    {
      name: "ws in JavaScript",
      run(times) {
        for (let time = 0; time < times; time++) unmask(buffer, MASK);
      },
    },
  ];
}

/**
 * What a server does with what browsers send: WebSocket messages are read out of chunks, unmasked,
 * joined, and text is checked, by hakmem's framer and by ws's receiver, both without a socket.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { encodeFrame, OPCODE, WebSocketMessageFramer } from "hakmem/codec";
import type { Timed } from "../../measure/inProcess.js";

type Receiver = Pick<Writable, "write"> & {
  on(name: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
};

/** The bytes of a chunk, of which a round takes many. */
const CHUNK_BYTES = 65536;
const MOST_MESSAGES = 64;
const MAXIMUM = 2 ** 24;
const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const LETTER = 97;

/** A message of so many bytes in so many frames, as a client sends it. */
interface Shape {
  readonly opcode: number;
  readonly bytes: number;
  readonly frames: number;
}

/** @param name such as "text 1024", or "bytes 1024 in 8" frames */
function shapeOf(name: string): Shape {
  const [kind, bytes, , frames = "1"] = name.split(" ");
  const opcode = kind === "text" ? OPCODE.TEXT : OPCODE.BINARY;
  return { opcode, bytes: Number(bytes), frames: Number(frames) };
}

function encode(pool: BytesPool, { opcode, bytes, frames }: Shape): Buffer {
  const size = bytes / frames;
  const parts = Array.from({ length: frames }, (_, index) => {
    const fin = index === frames - 1;
    const header = { fin, opcode: index === 0 ? opcode : OPCODE.CONTINUATION, mask: MASK };
    using frame = encodeFrame(pool, header, new Uint8Array(size).fill(LETTER));
    return frame.toUnshared();
  });
  return Buffer.concat(parts);
}

function newReceiver(): Receiver {
  const require = createRequire(import.meta.url);
  const file = join(dirname(require.resolve("ws")), "lib/receiver.js");
  const Receiver = require(file) as new (options: object) => Receiver;
  return new Receiver({ isServer: true, allowSynchronousEvents: true, maxPayload: MAXIMUM });
}

/** Reads chunks of so many messages, which are fresh each time, because both unmask in place. */
function subject(name: string, inAChunk: number, read: () => void): Timed {
  return {
    name,
    run(times) {
      for (let left = times; left > 0; left -= inAChunk) read();
    },
  };
}

/** @throws Error unless a subject has read so many messages of so many letters. */
function check(name: string, read: () => void, seen: () => number, expected: number): void {
  read();
  if (seen() !== expected) throw new Error(`${name} has read ${seen()} letters of ${expected}`);
}

/** hakmem with messages to be kept and in place, and ws, for messages of a shape. */
export function receivers(name: string): Timed[] {
  const shape = shapeOf(name);
  const heap = Heap.create({ capacity: 2 ** 24 });
  const pool = new BytesPool(heap);
  const one = encode(pool, shape);
  let inAChunk = 1;
  while (inAChunk < MOST_MESSAGES && 2 * inAChunk * one.length <= CHUNK_BYTES) inAChunk *= 2;
  const chunk = Buffer.concat(new Array<Buffer>(inAChunk).fill(one));
  const target = Buffer.allocUnsafeSlow(chunk.length);
  let letters = 0;
  const options = { role: "server", maximum: MAXIMUM } as const;
  const kept = new WebSocketMessageFramer(pool, options);
  const readKept = (): void => {
    target.set(chunk);
    kept.push(target, (message) => {
      letters += message.payload.length;
      message.release();
    });
  };
  const inPlace = new WebSocketMessageFramer(pool, options);
  const { u8 } = heap;
  const block = heap.malloc(chunk.length);
  const readInPlace = (): void => {
    u8.set(chunk, block);
    inPlace.scan(u8, block, chunk.length, (_view, _offset, length) => {
      letters += length;
    });
  };
  const receiver = newReceiver();
  receiver.on("message", (data) => {
    letters += data.length;
  });
  const readPeer = (): void => {
    target.set(chunk);
    receiver.write(target);
  };
  const subjects = { hakmem: readKept, "hakmem in place": readInPlace, ws: readPeer };
  return Object.entries(subjects).map(([subjectName, read]) => {
    letters = 0;
    check(subjectName, read, () => letters, inAChunk * shape.bytes);
    return subject(subjectName, inAChunk, read);
  });
}

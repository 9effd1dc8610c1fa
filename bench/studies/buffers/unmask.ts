/**
 * `npx tsx bench/studies/buffers/unmask.ts`: what a server does with every frame of a browser,
 * unmasking, by hakmem's words and by ws' loop in JavaScript, at each alignment of the payload.
 * Medians of rounds that take turns; both unmask the same bytes, and the sums of the results are
 * compared.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { maskRange } from "../../../src/codec/framing/mask.js";
import { Heap } from "../../../src/index.js";

type Unmask = (buffer: Buffer, mask: Buffer) => void;

// With bufferutil, or the mask of newer runtimes, ws would not measure its own loop.
process.env.WS_NO_BUFFER_UTIL = "1";
const require = createRequire(import.meta.url);
Reflect.deleteProperty(require("node:http"), "websocketMask");
const peer = require(join(dirname(require.resolve("ws")), "lib/buffer-util.js")) as {
  unmask: Unmask;
};

const SIZES = [16, 64, 256, 1024, 4096, 16384, 65536];
const ALIGNMENTS = [0, 1, 2, 3];
const ROUNDS = 21;
const BYTES_A_ROUND = 1 << 21;
const MASK = Buffer.of(0x37, 0xfa, 0x21, 0x3d);

interface Row {
  readonly size: number;
  readonly alignment: number;
  /** Nanoseconds a payload. */
  readonly ours: number;
  readonly theirs: number;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

function time(action: () => void, count: number): number {
  const start = process.hrtime.bigint();
  for (let index = 0; index < count; index++) action();
  return Number(process.hrtime.bigint() - start) / count;
}

function measure(size: number, alignment: number, rounds: number, bytes: number): Row {
  const heap = Heap.create({ capacity: 2 ** 21 });
  const { u8, i32 } = heap;
  const start = heap.malloc(size + 4) + alignment;
  const buffer = Buffer.allocUnsafeSlow(size + 4).subarray(alignment, alignment + size);
  for (let index = 0; index < size; index++) {
    u8[start + index] = (index * 7) & 255;
    buffer[index] = (index * 7) & 255;
  }
  const word = MASK.readInt32LE(0);
  const ours = (): void => maskRange(u8, i32, start, start + size, word);
  const theirs = (): void => peer.unmask(buffer, MASK);
  const count = Math.max(3, Math.floor(bytes / size)) | 1;
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    times[0].push(time(ours, count));
    times[1].push(time(theirs, count));
  }
  for (let index = 0; index < size; index++) {
    if (u8[start + index] !== buffer[index]) throw new Error(`byte ${index} of ${size} differs`);
  }
  return { size, alignment, ours: median(times[0]), theirs: median(times[1]) };
}

export function measureUnmask(rounds = ROUNDS, bytes = BYTES_A_ROUND): Row[] {
  measure(1024, 1, rounds, bytes);
  return SIZES.flatMap((size) =>
    ALIGNMENTS.map((alignment) => measure(size, alignment, rounds, bytes)),
  );
}

export function printUnmask(rows: readonly Row[]): void {
  console.log("unmasking, ns a payload: hakmem, ws in JavaScript");
  for (const { size, alignment, ours, theirs } of rows) {
    const cells = [size, alignment, ours.toFixed(1), theirs.toFixed(1)];
    const text = cells.map((cell) => String(cell).padStart(10)).join("");
    console.log(`${text}${(theirs / ours).toFixed(2).padStart(9)} x`);
  }
}

if (process.argv[1]?.endsWith("unmask.ts") === true) printUnmask(measureUnmask());

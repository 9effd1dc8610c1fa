/**
 * What a server does first with what it reads: cuts it into frames, by each kind of framer. They
 * are of 70 bytes with a header of four, or lines of as many bytes.
 */
import { Heap, type Ptr } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { DelimiterFramer, type Framer, framerOf, LengthFieldFramer } from "hakmem/codec";
import type { Timed } from "../../measure/inProcess.js";

const FRAMES = 64;
const BODY = 66;
const MAXIMUM = 1024;

interface Kind {
  readonly name: string;
  readonly create: (pool: BytesPool) => Framer<{ release(): void }>;
  /** The bytes before and after the body of a frame. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const KINDS: readonly Kind[] = [
  {
    name: "length of 4 bytes",
    create: (pool) => new LengthFieldFramer(pool, { width: 4, maximum: MAXIMUM }),
    before: [0, 0, 0, BODY],
    after: [],
  },
  {
    name: "framerOf",
    create: (pool) =>
      framerOf(
        pool,
        (reader) => {
          const length = reader.u32be();
          return reader.ok ? 4 + length : undefined;
        },
        { maximum: MAXIMUM },
      ),
    before: [0, 0, 0, BODY],
    after: [],
  },
  {
    name: "varint",
    create: (pool) => new LengthFieldFramer(pool, { width: "varint", offset: 1, maximum: MAXIMUM }),
    before: [0, 0x80 | (BODY + 2), 0],
    after: [13, 10],
  },
  {
    name: "line",
    create: (pool) => new DelimiterFramer(pool, { delimiter: "\r\n", maximum: MAXIMUM }),
    before: [65, 65],
    after: [13, 10],
  },
  {
    name: "line of two ends",
    create: (pool) => new DelimiterFramer(pool, { delimiter: ["\r\n", "\n"], maximum: MAXIMUM }),
    before: [65, 65],
    after: [13, 10],
  },
];

/** Returns all kinds, each on a chunk in the heap: "scan" in place, or "push" with slices. */
export function framers(name: string): Timed[] {
  return KINDS.map((kind) => (name === "scan" ? scanned(kind) : pushed(kind)));
}

function chunkOf({ before, after }: Kind): Uint8Array {
  const frame = [...before, ...new Array<number>(BODY).fill(66), ...after];
  return Uint8Array.from(Array.from({ length: FRAMES }, () => frame).flat());
}

function scanned(kind: Kind): Timed {
  const heap = Heap.create({ capacity: 2 ** 21 });
  const chunk = chunkOf(kind);
  const start: Ptr = heap.malloc(chunk.length);
  heap.u8.set(chunk, start);
  const framer = kind.create(new BytesPool(heap));
  let frames = 0;
  const count = (): number => frames++;
  return {
    name: kind.name,
    run(times) {
      frames = 0;
      while (frames < times) framer.scan(heap.u8, start, chunk.length, count);
      if (frames !== times) throw new Error(`${kind.name}: ${frames} frames instead of ${times}`);
    },
  };
}

function pushed(kind: Kind): Timed {
  const pool = new BytesPool(Heap.create({ capacity: 2 ** 21 }));
  const chunk = pool.from(chunkOf(kind));
  const framer = kind.create(pool);
  let frames = 0;
  const release = (frame: { release(): void }): void => {
    frames++;
    frame.release();
  };
  return {
    name: kind.name,
    run(times) {
      frames = 0;
      while (frames < times) framer.push(chunk.slice(), release);
      if (frames !== times) throw new Error(`${kind.name}: ${frames} frames instead of ${times}`);
    },
  };
}

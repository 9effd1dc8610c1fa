import { describe, expect, it } from "vitest";
import { Bytes, BytesPool } from "../../../src/buffers/index.js";
import {
  crc32,
  crc32c,
  DelimiterFramer,
  encodeFrame,
  FixedFramer,
  Framer,
  LengthFieldFramer,
  Reader,
  WebSocketFrame,
  WebSocketFramer,
  Writer,
} from "../../../src/codec/index.js";
import { Heap, HeapError } from "../../../src/index.js";

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

function releasedBytes(heap: Heap): Bytes {
  const bytes = new BytesPool(heap).from("gone");
  bytes.release();
  return bytes;
}

/** One of each kind of value. */
const values = (heap: Heap): unknown[] => [
  ...[undefined, null, true, false, 0, -0, 1, -1, 1.5, Number.NaN, Infinity, -Infinity],
  ...[255, 256, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300, 0n, 5n, -1n, 2n ** 64n, 2n ** 100n],
  ...["", "x", "u8", "be", "server", "length", "4", Symbol("s"), () => 1, Object],
  ...[
    {},
    [],
    [1, 2, 3, 4],
    ["x"],
    Object.create(null),
    new Date(0),
    /x/,
    new Map(),
    new Error("x"),
  ],
  ...[new Proxy({}, {}), Promise.resolve(), { length: 4 }, { valueOf: () => 1 }],
  ...[
    new Uint8Array(0),
    new Uint8Array(4),
    new Uint8Array(9),
    new Uint8ClampedArray(4),
    detached(),
  ],
  ...[new Uint16Array(4), new Float64Array(2), new DataView(new ArrayBuffer(4))],
  ...[new ArrayBuffer(4), new SharedArrayBuffer(4), Buffer.from("data")],
  ...[Object.create(Uint8Array.prototype), Object.create(Bytes.prototype)],
  ...[Object.create(BytesPool.prototype), Object.create(Heap.prototype)],
  ...[releasedBytes(heap), new BytesPool(heap).from("other"), new BytesPool(heap), heap],
  ...[Heap.create({ capacity: 2 ** 20 }), new BytesPool(Heap.create({ capacity: 2 ** 20 }))],
];

type Callable = (...args: unknown[]) => unknown;

/** Every method and every accessor that a class and its bases have. */
function methodsOf(target: object): string[] {
  const names = new Set<string>();
  for (let from = target; from !== Object.prototype; from = Object.getPrototypeOf(from)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
      if (typeof value === "function" && name !== "constructor") names.add(name);
    }
  }
  return [...names];
}

function coded(name: string, args: readonly unknown[], call: Callable): void {
  try {
    call(...args);
  } catch (error) {
    if (error instanceof HeapError) return;
    const shown = args.map((arg) => (typeof arg === "object" ? `${typeof arg}` : String(arg)));
    throw new Error(`${name}(${shown.join(", ")})`, { cause: error });
  }
}

const OPTIONS = [
  ...["offset", "width", "endian", "adjustment", "strip", "maximum", "delimiter", "role", "rsv"],
  ...["opcode", "fin", "mask", "initial", "grow", "pool", "strict", "copyBelow"],
] as const;

const good = {
  width: 2,
  maximum: 1000,
  delimiter: "\n",
  role: "client",
  opcode: 2,
  initial: 16,
};

function constructorsOf(heap: Heap): [string, Callable][] {
  const pool = new BytesPool(heap);
  const make = (Class: unknown, ...before: unknown[]): Callable => {
    const Any = Class as new (...args: unknown[]) => unknown;
    return (...args) => new Any(...before, ...args);
  };
  const list: [string, Callable][] = [];
  for (const Class of [LengthFieldFramer, DelimiterFramer, FixedFramer, WebSocketFramer, Framer]) {
    list.push([Class.name, make(Class)], [`${Class.name} of a pool`, make(Class, pool)]);
  }
  for (const [name, act] of [
    ["FixedFramer with options", make(FixedFramer, pool, 2)],
    ["Reader", make(Reader)],
    ["Reader of bytes", make(Reader, new Uint8Array(9))],
    ["Writer", make(Writer)],
    ["Writer of a heap", make(Writer, heap)],
    ["WebSocketFrame", make(WebSocketFrame, 1, true)],
    ["crc32", crc32 as Callable],
    ["crc32c", crc32c as Callable],
    ["encodeFrame", encodeFrame as Callable],
    ["encodeFrame of a pool", (...args) => (encodeFrame as Callable)(pool, ...args)],
    ["encodeFrame of a payload", (value) => (encodeFrame as Callable)(pool, good, value)],
  ] as [string, Callable][]) {
    list.push([name, act]);
  }
  return list;
}

describe("wrong arguments are coded errors", () => {
  it("of constructors and functions, for arguments and for options", () => {
    const heap = Heap.create({ capacity: 2 ** 22 });
    for (const [name, call] of constructorsOf(heap)) {
      for (const value of values(heap)) {
        coded(name, [value], call);
        coded(name, [value, value], call);
        for (const option of OPTIONS) coded(name, [{ ...good, [option]: value }], call);
      }
    }
  });

  it("of the methods of framers", () => {
    const heap = Heap.create({ capacity: 2 ** 22 });
    const pool = new BytesPool(heap);
    const framers = [
      new LengthFieldFramer(pool, { width: 1, maximum: 100 }),
      new DelimiterFramer(pool, { delimiter: "\n", maximum: 100 }),
      new FixedFramer(pool, 3),
      new WebSocketFramer(pool, { role: "client", maximum: 1000 }),
    ];
    for (const framer of framers) {
      for (const value of values(heap)) {
        for (const call of [
          () => framer.push(value as Bytes<ArrayBuffer>, () => {}),
          () => framer.push(Uint8Array.of(1), value as () => void),
          () => framer.scan(value as Uint8Array, 0, 0, () => {}),
          () => framer.scan(new Uint8Array(3), value as number, 1, () => {}),
          () => framer.scan(new Uint8Array(3), 1, value as number, () => {}),
          () => framer.scan(new Uint8Array(3), 1, 1, value as () => void),
        ]) {
          framer.reset();
          coded(framer.constructor.name, [value], call);
        }
      }
    }
  });

  it("of the methods of readers and writers", () => {
    const heap = Heap.create({ capacity: 2 ** 22 });
    const targets = [
      () => new Reader(new Uint8Array(30)),
      () => new Reader(new BytesPool(heap).from(new Uint8Array(30))),
      () => new Writer(heap),
      () => new Writer(heap, { grow: "chain", initial: 8 }),
    ] as (() => object)[];
    let calls = 0;
    for (const make of targets) {
      for (const name of methodsOf(make())) {
        // What the package itself calls.
        if (["roomFor", "seal"].includes(name) || name.startsWith("long")) continue;
        if (/^(sliceNext|whole|prefix|text|leb64|quicWords|put|check)/.test(name)) continue;
        if (/^prefixLength$/.test(name)) continue;
        for (const value of values(heap)) {
          for (const args of [[value], [value, value], [0, value], ["u8", value], ["x", value]]) {
            const target = make() as Record<string, Callable>;
            coded(name, args, (...given) => target[name]?.(...given));
            (target as { [Symbol.dispose]?: () => void })[Symbol.dispose]?.();
            calls++;
          }
        }
      }
    }
    expect(calls).toBeGreaterThan(1000);
  });
});

import { expect } from "vitest";
import { BufferError, type Bytes, BytesPool } from "../../src/buffers/index.js";
import {
  DelimiterFramer,
  FixedFramer,
  type FrameFinder,
  type Framer,
  framerOf as framerOfFinder,
  LengthFieldFramer,
  WebSocketFrame,
  WebSocketFramer,
} from "../../src/codec/index.js";
import { Heap } from "../../src/index.js";
import {
  byCount,
  byDelimiter,
  byFinder,
  byLength,
  byWebSocket,
  type DelimiterPlan,
  type FinderPlan,
  firstDelimiter,
  type LengthPlan,
  type Outcome,
} from "./framingReference.js";

export const CAPACITY_BYTES = 2 ** 20;

/** How chunks are handed over. */
export const KINDS = [
  ...(["slice", "own", "chain", "frozen", "array", "alien"] as const),
  ...(["scanned array", "scanned block"] as const),
] as const;
export type Kind = (typeof KINDS)[number];

export type Plan =
  | { readonly kind: "length"; readonly options: LengthPlan }
  | { readonly kind: "delimiter"; readonly options: DelimiterPlan }
  | {
      readonly kind: "finder";
      readonly finder: keyof typeof FINDERS;
      readonly options: Omit<FinderPlan, "lengthOf">;
    }
  | { readonly kind: "fixed"; readonly length: number }
  | {
      readonly kind: "webSocket";
      readonly options: {
        readonly role: "server" | "client";
        readonly maximum: number;
        readonly rsv: number;
      };
    };

export type AnyFramer = Framer<Bytes | WebSocketFrame>;

type PlanOf<Kind extends Plan["kind"]> = Extract<Plan, { readonly kind: Kind }>;

interface PlanKind<P extends Plan> {
  readonly create: (pool: BytesPool, plan: P) => AnyFramer;
  /** What the frames of a whole stream are, from an independent source. */
  readonly reference: (stream: readonly number[], plan: P) => Outcome;
  /** The longest frame. */
  readonly maximum: (plan: P) => number;
}

const LINE_ENDS = ["\r\n", "\n", "\r", "\n\n\r"].map((text) => new TextEncoder().encode(text));

/** Functions for `framerOf`, and what they find, written for arrays. */
export const FINDERS = {
  /** A length of one byte, or in two bytes behind the byte 255. */
  prefix: {
    create: (): FrameFinder => (reader) => {
      const short = reader.u8();
      const length = short < 255 ? short : reader.u16be();
      return reader.ok ? reader.position + length : undefined;
    },
    lengthOf: ([first, high, low]: readonly number[]): number | undefined => {
      if (first === undefined) return undefined;
      if (first < 255) return 1 + first;
      return high === undefined || low === undefined ? undefined : 3 + high * 256 + low;
    },
  },
  /** One of several delimiters, of which up to two more bytes are looked at. Marks its way. */
  lines: {
    create: (): FrameFinder => (reader) => {
      for (; reader.remaining > 0; reader.skip(1)) {
        reader.mark();
        const [first, second, third] = [reader.peek(), reader.peek(1), reader.peek(2)];
        const { position } = reader;
        const isLine = first === 10 || first === 13;
        if (isLine && !reader.ok) return undefined;
        if (!reader.ok) reader.rewind();
        if (first === 10 && second === 10 && third === 13) return position + 3;
        if (first === 13 && second === 10) return position + 2;
        if (isLine) return position + 1;
      }
      return undefined;
    },
    lengthOf: (begun: readonly number[]): number | undefined => {
      const found = firstDelimiter(begun, LINE_ENDS);
      if (found === undefined || found.start + 3 > begun.length) return undefined;
      return found.start + found.length;
    },
  },
} as const;

/** What the tests know of each kind of framer. */
const PLAN_KINDS: { readonly [Kind in Plan["kind"]]: PlanKind<PlanOf<Kind>> } = {
  length: {
    create: (pool, { options }) => new LengthFieldFramer(pool, options),
    reference: (stream, { options }) => byLength(stream, options),
    maximum: ({ options }) => options.maximum,
  },
  delimiter: {
    create: (pool, { options }) => new DelimiterFramer(pool, options),
    reference: (stream, { options }) => byDelimiter(stream, options),
    maximum: ({ options }) => options.maximum,
  },
  finder: {
    create: (pool, { finder, options }) => framerOfFinder(pool, FINDERS[finder].create(), options),
    reference: (stream, { finder, options }) => {
      return byFinder(stream, { ...options, lengthOf: FINDERS[finder].lengthOf });
    },
    maximum: ({ options }) => options.maximum,
  },
  fixed: {
    create: (pool, { length }) => new FixedFramer(pool, length),
    reference: (stream, { length }) => byCount(stream, length),
    maximum: ({ length }) => length,
  },
  webSocket: {
    create: (pool, { options }) => new WebSocketFramer(pool, options),
    reference: (stream, { options }) => byWebSocket(stream, options),
    maximum: ({ options }) => options.maximum,
  },
};

function kindOf(plan: Plan): PlanKind<Plan> {
  return PLAN_KINDS[plan.kind] as PlanKind<Plan>;
}

export function framerOf(pool: BytesPool, plan: Plan): AnyFramer {
  return kindOf(plan).create(pool, plan);
}

export function referenceOf(stream: readonly number[], plan: Plan): Outcome {
  return kindOf(plan).reference(stream, plan);
}

export function maximumOf(plan: Plan): number {
  return kindOf(plan).maximum(plan);
}

/** A heap, and another heap for foreign bytes. */
export class World {
  readonly heap: Heap = Heap.create({ capacity: CAPACITY_BYTES });
  readonly alien: Heap = Heap.create({ capacity: CAPACITY_BYTES });
  readonly pool: BytesPool = new BytesPool(this.heap);
  readonly aliens: BytesPool = new BytesPool(this.alien);

  chunk(bytes: Uint8Array, kind: Kind): Bytes | Uint8Array {
    if (kind === "array") return new Uint8Array(bytes);
    if (kind === "alien") return this.aliens.from(bytes);
    if (kind === "own") return this.pool.from(bytes);
    if (kind === "frozen") return this.pool.from(bytes).freeze();
    if (kind === "chain") {
      const middle = bytes.length >> 1;
      using head = this.pool.from(bytes.subarray(0, middle));
      using tail = this.pool.from(bytes.subarray(middle));
      return head.concat(tail);
    }
    using whole = this.pool.from([1, 2, 3, ...bytes, 4]);
    return whole.slice(3, 3 + bytes.length);
  }

  liveBytes(): number {
    return this.heap.stats().live.bytes + this.alien.stats().live.bytes;
  }

  /** Lets the framer scan bytes that lie among others, in an array or in a block of the heap. */
  scan(framer: AnyFramer, bytes: Uint8Array, kind: Kind, frames: Outcome["frames"]): void {
    const isSocket = framer instanceof WebSocketFramer;
    const block = this.heap.malloc(bytes.length + 3);
    const isBlock = kind === "scanned block";
    const view = isBlock ? this.heap.u8 : new Uint8Array(bytes.length + 8);
    const offset = isBlock ? block + 3 : 5;
    view.set(bytes, offset);
    try {
      const taken = framer.scan(view, offset, bytes.length, (from, start, length, first) => {
        const header = isSocket ? [first >> 7, (first >> 4) % 8, first % 16] : [];
        frames.push({ header, bytes: [...from.subarray(start, start + length)] });
      });
      expect(taken).toBe(bytes.length);
    } finally {
      this.heap.free(block);
    }
  }

  endScan(framer: AnyFramer, frames: Outcome["frames"]): void {
    framer.endScan((from, start, length) => {
      frames.push({ header: [], bytes: [...from.subarray(start, start + length)] });
    });
  }

  expectNothingLeft(): void {
    for (const heap of [this.heap, this.alien]) {
      heap.drain();
      heap.verify();
      expect(heap.stats().live.blocks).toBe(0);
    }
  }
}

/** Returns a frame in the form of the reference, and releases it. */
function read(frame: Bytes | WebSocketFrame): Outcome["frames"][number] {
  const payload = frame instanceof WebSocketFrame ? frame.payload : frame;
  const bytes = [...payload.toUnshared()];
  const header =
    frame instanceof WebSocketFrame ? [frame.fin ? 1 : 0, frame.rsv, frame.opcode] : [];
  frame.release();
  return { header, bytes };
}

/**
 * Cuts a stream at the given positions, in order, and returns what the framer makes of it.
 */
export function runFramer(
  world: World,
  framer: AnyFramer,
  stream: Uint8Array,
  cuts: readonly number[],
  kinds: readonly Kind[],
  check: () => void = () => {},
): Outcome {
  const frames: Outcome["frames"] = [];
  try {
    [...cuts, stream.length].forEach((end, index) => {
      const start = index === 0 ? 0 : (cuts[index - 1] as number);
      const kind = kinds[index % kinds.length] as Kind;
      const bytes = stream.subarray(start, end);
      if (kind.startsWith("scanned")) world.scan(framer, bytes, kind, frames);
      else framer.push(world.chunk(bytes, kind), (frame) => frames.push(read(frame)));
      check();
    });
    if (kinds[0]?.startsWith("scanned")) world.endScan(framer, frames);
    else framer.end((frame) => frames.push(read(frame)));
    return { frames, error: undefined };
  } catch (error) {
    if (!(error instanceof BufferError)) throw error;
    expect(error.message).toContain(String(error.details.position));
    expect(error.details.expected).toBeTypeOf("string");
    return { frames, error: { code: error.code, position: error.details.position as number } };
  }
}

import { expect } from "vitest";
import { BufferError, type Bytes, BytesPool } from "../../src/buffers/index.js";
import {
  DelimiterFramer,
  FixedFramer,
  type Framer,
  LengthFieldFramer,
  WebSocketFrame,
  WebSocketFramer,
} from "../../src/codec/index.js";
import { Heap } from "../../src/index.js";
import { byCount, byDelimiter, byLength, byWebSocket, type Outcome } from "./framingReference.js";

export const CAPACITY_BYTES = 2 ** 20;

/** How chunks are handed over. */
export const KINDS = [
  ...(["slice", "own", "chain", "frozen", "array", "alien"] as const),
  ...(["scanned array", "scanned block"] as const),
] as const;
export type Kind = (typeof KINDS)[number];

export type Plan =
  | {
      readonly kind: "length";
      readonly options: {
        readonly offset: number;
        readonly width: number;
        readonly endian: "be" | "le";
        readonly adjustment: number;
        readonly strip: number;
        readonly maximum: number;
      };
    }
  | {
      readonly kind: "delimiter";
      readonly options: {
        readonly delimiter: Uint8Array;
        readonly strip: boolean;
        readonly maximum: number;
      };
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
    framer.end();
    return { frames, error: undefined };
  } catch (error) {
    if (!(error instanceof BufferError)) throw error;
    expect(error.message).toContain(String(error.details.position));
    expect(error.details.expected).toBeTypeOf("string");
    return { frames, error: { code: error.code, position: error.details.position as number } };
  }
}

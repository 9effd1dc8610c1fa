/** Bytes without a value: padding, and what brings the next field to a boundary. */
import { checkIntegerOption } from "../checks.js";
import { bytesLeft, fallShort } from "../reader/parts.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { Field, type Silent, type Walk, wholeBytes } from "./field.js";
import type { Walker } from "./walker.js";

const BOUNDARY_MAX = 65536;

class PaddingField extends Field<never, never> {
  override readonly isSilent: boolean = true;
  private readonly count: number;

  constructor(count: number) {
    super();
    checkIntegerOption("padding", count, 1, Number.MAX_SAFE_INTEGER);
    this.count = count;
    this.fixedBytes = count;
  }

  override least(): number {
    return 8 * this.count;
  }

  override take(r: Reader): unknown {
    r.align();
    r.skip(this.count);
    return undefined;
  }

  override put(w: Writer): void {
    w.align();
    w.reserve(this.count);
  }

  override size(_value: unknown, at: number): number {
    return wholeBytes(at) + 8 * this.count;
  }

  override *walk(walker: Walker): Walk {
    yield* walker.skip(this.count);
    return undefined;
  }
}

class AlignField extends Field<never, never> {
  override readonly isSilent: boolean = true;
  override readonly wantsStart: boolean = true;
  private readonly boundary: number;

  constructor(boundary: number) {
    super();
    checkIntegerOption("align", boundary, 1, BOUNDARY_MAX);
    this.boundary = boundary;
  }

  override least(): number {
    return 0;
  }

  /** Returns how many bytes lie between a position and the boundary after it. */
  private gap(start: unknown, position: number): number {
    const over = (position - (start as number)) % this.boundary;
    return over === 0 ? 0 : this.boundary - over;
  }

  override take(r: Reader, _end: number, start: unknown): unknown {
    if (r.lacking > 0) return undefined;
    r.align();
    const gap = this.gap(start, r.position);
    if (gap <= r.remaining) r.skip(gap);
    else fallShort(r, r.position, gap - bytesLeft(r));
    return undefined;
  }

  override put(w: Writer, _value: unknown, start: unknown): void {
    w.align();
    w.reserve(this.gap(start, w.length));
  }

  override size(_value: unknown, at: number, start: unknown): number {
    const bytes = wholeBytes(at) / 8;
    return 8 * (bytes + this.gap(start, bytes));
  }

  override *walk(walker: Walker, start: unknown): Walk {
    yield* walker.skip(this.gap(start, walker.r.position));
    return undefined;
  }
}

/** `count` bytes that are skipped, and written as 0. They are not in the values. */
export function padding(count: number): Silent {
  return new PaddingField(count);
}

/**
 * Skips bytes up to a multiple of `boundary`, counted from where the struct begins in which this
 * stands, and writes them as 0. `align()` only lets bits begin at a whole byte.
 */
export function align(boundary: number = 1): Silent {
  return new AlignField(boundary);
}

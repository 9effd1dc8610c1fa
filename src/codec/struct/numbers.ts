import { invalid } from "../../buffers/errors.js";
import { checkIntegerOption, malformed } from "../checks.js";
import { checkField, FIELDS, type FieldName } from "../fields.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { Field, type FieldCode, type Kind, type Walk, wholeBytes } from "./field.js";
import type { Walker } from "./walker.js";

/** Names of methods that readers and writers have both. */
export type NumberName =
  | FieldName
  | "varint32"
  | "varint64"
  | "zigzag32"
  | "zigzag64"
  | "int32"
  | "int64"
  | "sleb32"
  | "sleb64"
  | "quic"
  | "quic64"
  | `${"u" | "i"}64${"le" | "be"}Number`
  | `${"varint" | "zigzag" | "int" | "sleb"}64Number`;

type Take = (r: Reader) => number | bigint;
type Put<T> = (w: Writer, value: T) => void;

/** A number that a method of the reader reads and one of the writer writes. */
export class NumberField<T extends number | bigint = number | bigint> extends Field<T> {
  /** @internal */
  readonly name: NumberName;
  /** @internal How many bytes it has, if it is one of `FIELDS`. */
  readonly bytes: number | undefined;
  override readonly reads: Take;
  override readonly writes: Put<unknown>;
  override readonly kind: Kind;
  override readonly code: FieldCode;
  private readonly bytesOf: (value: T) => number;

  /** @internal `bytes` tells how many bytes a number has that is none of `FIELDS`. */
  constructor(
    name: NumberName,
    reads: Take,
    writes: Put<T>,
    bytes: number | ((value: T) => number) = FIELDS[name as FieldName].bytes,
  ) {
    super();
    this.name = name;
    this.reads = reads;
    this.writes = writes as Put<unknown>;
    this.kind = /^[^f].*64(?!.*Number)/.test(name) ? "bigint" : "number";
    this.bytes = FIELDS[name as FieldName]?.bytes;
    this.fixedBytes = typeof bytes === "number" ? bytes : 0;
    this.bytesOf = typeof bytes === "number" ? () => bytes : bytes;
    this.code = { read: `r.${name}()`, write: (value) => `w.${name}(${value})` };
  }

  override least(): number {
    return 8 * Math.max(1, this.fixedBytes);
  }

  override take(r: Reader): unknown {
    return this.reads(r);
  }

  override put(w: Writer, value: unknown): void {
    this.writes(w, value);
  }

  override size(value: unknown, at: number): number {
    if (typeof value !== this.kind) throw invalid(this.name, value, `a ${this.kind}`);
    return wholeBytes(at) + 8 * this.bytesOf(value as T);
  }

  override *walk(walker: Walker): Walk {
    return yield* walker.take(() => this.take(walker.r));
  }

  override find(walker: Walker): Walk {
    return this.walk(walker);
  }

  override check(value: unknown): void {
    if (this.bytes !== undefined) checkField(this.name as FieldName, value, 0);
  }
}

/** Bits, the highest first. */
export class BitsField<T extends number | boolean = number | boolean> extends Field<T> {
  /** @internal */
  readonly count: number;
  /** @internal */
  readonly isFlag: boolean;
  override readonly kind: Kind;
  override readonly code: FieldCode;
  override readonly reads: (r: Reader) => number | boolean;
  override readonly writes: Put<unknown>;

  /** @internal */
  constructor(count: number, isFlag: boolean) {
    super();
    checkIntegerOption("bits", count, 1, 32);
    this.count = count;
    this.isFlag = isFlag;
    this.reads = isFlag ? (r) => r.bits(1) === 1 : (r) => r.bits(count);
    this.writes = isFlag ? writeFlag : (w, value) => w.bits(value as number, count);
    this.kind = isFlag ? "boolean" : "number";
    this.code = isFlag
      ? { read: "r.bits(1) === 1", write: (value) => `writeFlag(w, ${value})` }
      : { read: `r.bits(${count})`, write: (value) => `w.bits(${value}, ${count})` };
  }

  override least(): number {
    return this.count;
  }

  override take(r: Reader): unknown {
    const value = r.bits(this.count);
    return this.isFlag ? value === 1 : value;
  }

  override put(w: Writer, value: unknown): void {
    if (this.isFlag) writeFlag(w, value);
    else w.bits(value as number, this.count);
  }

  override size(_value: unknown, at: number): number {
    return at + this.count;
  }

  override *walk(walker: Walker): Walk {
    return yield* walker.take(() => this.take(walker.r));
  }

  override find(walker: Walker): Walk {
    return this.walk(walker);
  }

  override check(value: unknown): void {
    if (this.isFlag) checkFlag(value);
  }
}

function checkFlag(value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw invalid("the flag", value, "a boolean");
}

export function writeFlag(w: Writer, value: unknown): void {
  checkFlag(value);
  w.bits(value ? 1 : 0, 1);
}

/**
 * A number of `count` bits, 1 to 32, the highest first. Bits that follow one another share bytes;
 * whatever else follows begins at the next whole byte.
 */
export function bits(count: number): Field<number> {
  return new BitsField<number>(count, false);
}

/** One bit as a boolean. */
export const flag: Field<boolean> = /* @__PURE__ */ new BitsField<boolean>(1, true);

class BooleanField extends Field<boolean> {
  override readonly kind: Kind = "boolean";

  override least(): number {
    return 8;
  }

  override take(r: Reader): unknown {
    const { position } = r;
    const byte = r.u8();
    if (byte > 1) throw malformed(position, "0 or 1");
    return byte === 1;
  }

  override put(w: Writer, value: unknown): void {
    checkFlag(value);
    w.u8(value ? 1 : 0);
  }

  override size(_value: unknown, at: number): number {
    return wholeBytes(at) + 8;
  }

  override *walk(walker: Walker): Walk {
    return yield* walker.take(() => this.take(walker.r));
  }

  override check(value: unknown): void {
    checkFlag(value);
  }
}

/** A boolean as a byte, 0 or 1. Another byte is ERR_MALFORMED. */
export const boolean: Field<boolean> = /* @__PURE__ */ new BooleanField();

/** Lengths and counts: fixed, before the value, or in another field. */
import { describe } from "../../base/describe.js";
import { invalid, outOfRange } from "../../buffers/errors.js";
import { BufferError } from "../../index.js";
import { checkIntegerOption, checkNames, malformed, tooLarge } from "../checks.js";
import { type LengthPrefix, PREFIXES } from "../fields.js";
import { bytesLeft, fallShort } from "../reader/parts.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import type { AnyField } from "./field.js";
import { quic, u8, u16be, u16le, u32be, u32le, varint32 } from "./numberFields.js";
import type { Walker } from "./walker.js";

/** Another field of the same struct, which says how long or how many. */
export class Ref<Name extends string = string> {
  readonly name: Name;

  constructor(name: Name) {
    this.name = name;
  }
}

/**
 * Names a field that stands before this one in the same struct and says its length or count. To
 * write, that field may be absent, and is computed then.
 */
export function ref<const Name extends string>(name: Name): Ref<Name> {
  if (typeof name !== "string") throw invalid("ref", name, "the name of a field");
  return new Ref(name);
}

/** A length or a count: as a number, or as the field that says it. */
export type Length<Name extends string = string> = number | Ref<Name>;

/** The name of the field that a length names. */
export type NameOf<L> = L extends Ref<infer Name> ? Name : never;

const PREFIX_FIELDS: ReadonlyMap<unknown, AnyField> = new Map<unknown, AnyField>([
  ["u8", u8],
  ["u16le", u16le],
  ["u16be", u16be],
  ["u32le", u32le],
  ["u32be", u32be],
  ["varint", varint32],
  ["quic", quic],
]);

/** Bounds of what has a length or a count. */
export interface LengthOptions {
  /** The most bytes, or elements; more is ERR_TOO_LARGE. Default: no limit but the reader's. */
  readonly maximum?: number | undefined;
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT */
export function checkOptions(options: LengthOptions): number {
  const { maximum = Infinity } = checkNames(options, ["maximum"]);
  if (maximum !== Infinity) checkIntegerOption("maximum", maximum, 0, Number.MAX_SAFE_INTEGER);
  return maximum;
}

/** How a field knows the length of what follows. */
export class LengthOf {
  /** The field before what it counts, and its name. */
  readonly prefix: AnyField | undefined;
  readonly prefixName: LengthPrefix;
  readonly fixed: number | undefined;
  readonly wants: string | undefined;
  readonly what: string;
  readonly maximum: number;

  constructor(source: unknown, what: string, options: LengthOptions = {}) {
    const prefix = PREFIX_FIELDS.get(source);
    const isFixed = typeof source === "number";
    if (isFixed) checkIntegerOption(what, source, 0, Number.MAX_SAFE_INTEGER);
    else if (!(source instanceof Ref) && prefix === undefined) {
      throw invalid(what, source, `a number, ref("name"), ${PREFIXES}`);
    }
    this.prefix = prefix;
    this.prefixName = source as LengthPrefix;
    this.fixed = isFixed ? source : undefined;
    this.wants = source instanceof Ref ? source.name : undefined;
    this.what = what;
    this.maximum = checkOptions(options);
  }

  /** How many bits the prefix has at least. */
  get least(): number {
    return this.prefix?.least() ?? 0;
  }

  /** Reads it, or takes it from the field that says it. 0 if bytes are missing. */
  read(r: Reader, ref: unknown): number {
    if (this.fixed !== undefined) return this.fixed;
    const { position } = r;
    const { prefix } = this;
    const count = prefix === undefined ? this.from(r, ref) : (prefix.take(r, 0, 0) as number);
    if (count > this.maximum) throw tooLarge(this.what, position, count, this.maximum);
    return count;
  }

  private from(r: Reader, ref: unknown): number {
    if (r.lacking > 0) return 0;
    const count = typeof ref === "bigint" ? Number(ref) : ref;
    if (Number.isSafeInteger(count) && (count as number) >= 0) return count as number;
    throw malformed(r.position, `${this.what} in ${this.wants}, not ${describe(ref)}`);
  }

  /** Writes it, or checks that it is what it must be. */
  write(w: Writer, count: number, ref: unknown): void {
    if (this.prefix !== undefined) {
      this.refuseMore(count);
      this.prefix.put(w, count, undefined);
    } else this.check(count, ref);
  }

  /** @throws {BufferError} ERR_OUT_OF_RANGE unless the count is what it must be */
  check(count: number, ref: unknown): void {
    const due = this.fixed ?? (this.wants === undefined ? count : ref);
    if (count !== due && (typeof due !== "bigint" || BigInt(count) !== due)) {
      const says = this.wants === undefined ? "it takes" : `${this.wants} says`;
      const message = `${this.what} is ${count}; ${says} ${describe(due)}`;
      throw new BufferError("ERR_OUT_OF_RANGE", message, { got: count, expected: due });
    }
    this.refuseMore(count);
  }

  private refuseMore(count: number): void {
    if (count > this.maximum) throw outOfRange(this.what, count, 0, this.maximum);
  }

  /** Returns how many bits there are with the prefix, which begins after `at` bits. */
  size(count: number, at: number): number {
    return this.prefix === undefined ? at : this.prefix.size(count, at, undefined);
  }

  *walk(walker: Walker, ref: unknown): Generator<undefined, number, undefined> {
    const { prefix } = this;
    if (prefix === undefined) return this.read(walker.r, ref);
    return (yield* walker.take(() => this.read(walker.r, ref))) as number;
  }
}

/** Returns a prefix. @throws {BufferError} ERR_INVALID_ARGUMENT */
export function checkPrefix(prefix: LengthPrefix): LengthPrefix {
  if (PREFIX_FIELDS.has(prefix)) return prefix;
  throw invalid("prefix", prefix, PREFIXES);
}

/** Checks that so many bytes are there. Returns 0 if some are missing. */
export function present(r: Reader, count: number): number {
  if (r.lacking > 0 || count <= r.remaining) return r.lacking > 0 ? 0 : count;
  fallShort(r, r.position, count - bytesLeft(r));
  return 0;
}

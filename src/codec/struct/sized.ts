import { invalid } from "../../buffers/errors.js";
import { BufferError } from "../../index.js";
import { malformed, tooLarge } from "../checks.js";
import type { LengthPrefix } from "../fields.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import type { Cases, UnionField } from "./choices.js";
import { checkReferring } from "./description.js";
import {
  type AnyField,
  Field,
  type Infer,
  type InferInput,
  type RefsOf,
  type Walk,
  wholeBytes,
} from "./field.js";
import { type Length, LengthOf, type LengthOptions, type NameOf, present } from "./lengths.js";
import type { Walker } from "./walker.js";

class SizedField<Out, In, R extends string> extends Field<Out, In, R> {
  private readonly length: LengthOf;
  private readonly field: AnyField;

  constructor(source: unknown, field: AnyField, options: LengthOptions) {
    const length = new LengthOf(source, "the length", options);
    const inner = checkReferring("a sized field", field);
    super(length.wants ?? inner.wants);
    if (length.wants !== undefined) this.wantsAlso = inner.wants;
    this.length = length;
    this.field = inner;
    this.adopt([field]);
    if (field.isSilent) throw invalid("a sized field", field, "a field with a value");
  }

  override least(): number {
    const { fixed = 0, least } = this.length;
    return 8 * fixed + least;
  }

  override take(r: Reader, _end: number, ref: unknown, also: unknown): unknown {
    const before = r.position;
    const count = this.length.read(r, ref);
    if (this.length.fixed === undefined && count > r.maximum) {
      throw tooLarge("the length", before, count, r.maximum);
    }
    if (r.lacking > 0) return undefined;
    r.align();
    const { position } = r;
    if (present(r, count) < count) return undefined;
    const value = this.field.take(r, position + count, this.innerOf(ref, also));
    if (r.lacking > 0 || r.position !== position + count) {
      throw malformed(position, `a value of exactly ${count} bytes`);
    }
    r.align();
    return value;
  }

  override put(w: Writer, value: unknown, ref: unknown, also: unknown): void {
    const { length, field } = this;
    const inner = this.innerOf(ref, also);
    const count = this.bytesOf(value, inner);
    length.write(w, count, ref);
    w.align();
    const begin = w.length;
    field.put(w, value, inner);
    w.align();
    if (w.length === begin + count) return;
    const message = `a sized value has ${w.length - begin} bytes; it said ${count}`;
    throw new BufferError("ERR_INVALID_ARGUMENT", message);
  }

  override size(value: unknown, at: number, ref: unknown, also: unknown): number {
    const count = this.saidBy(ref) ?? this.bytesOf(value, this.innerOf(ref, also));
    return wholeBytes(this.length.size(count, at)) + 8 * count;
  }

  override *walk(walker: Walker, ref: unknown): Walk {
    yield* walker.skip(yield* this.length.walk(walker, ref));
    return undefined;
  }

  override measure(value: unknown, name: string, also: unknown): unknown {
    const isOwn = name === this.length.wants;
    return isOwn ? this.bytesOf(value, also) : this.field.measure(value, name, undefined);
  }

  /**
   * Returns the length that the other field says. If it is computed, the value was measured for
   * it: to measure the value again, at each level of values within values, would take 2^levels.
   */
  private saidBy(ref: unknown): number | undefined {
    if (this.length.wants === undefined) return undefined;
    const said = typeof ref === "bigint" ? Number(ref) : ref;
    return Number.isSafeInteger(said) && (said as number) >= 0 ? (said as number) : undefined;
  }

  /** Returns what the field within wants. */
  private innerOf(ref: unknown, also: unknown): unknown {
    return this.length.wants === undefined ? ref : also;
  }

  private bytesOf(value: unknown, inner: unknown): number {
    return wholeBytes(this.field.size(value, 0, inner)) / 8;
  }
}

/**
 * A value that lies in exactly so many bytes: after a prefix, in a number of bytes, or as
 * `ref("name")` says. A value that ends elsewhere is ERR_MALFORMED.
 */
export function sized<
  const L extends LengthPrefix | Length,
  Name extends string,
  C extends Cases,
  O extends AnyField = never,
>(
  length: L,
  field: UnionField<Name, C, never, O>,
  options?: LengthOptions,
): UnionField<Name, C, NameOf<L>, O>;
export function sized<const L extends LengthPrefix | Length, F extends AnyField>(
  length: L,
  field: F,
  options?: LengthOptions,
): Field<Infer<F>, InferInput<F>, NameOf<L> | RefsOf<F>>;
export function sized(
  length: LengthPrefix | Length,
  field: AnyField,
  options: LengthOptions = {},
): AnyField {
  return new SizedField<unknown, never, string>(length, field, options);
}

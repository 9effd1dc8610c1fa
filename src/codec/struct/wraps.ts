/** Fields that change what another field means. */
import { describe } from "../../base/describe.js";
import { isByteArray } from "../../base/tag.js";
import { invalid } from "../../buffers/errors.js";
import { malformed } from "../checks.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { checkFieldOf, checkInner } from "./description.js";
import {
  type AnyField,
  Field,
  type Infer,
  type InferInput,
  type Kind,
  type RefsOf,
  type Silent,
  type Walk,
} from "./field.js";
import type { Walker } from "./walker.js";

/** Returns whether two values are written alike. */
function isSame(one: unknown, other: unknown): boolean {
  if (!isByteArray(one) || !isByteArray(other)) return one === other || Object.is(one, other);
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** Up to this many bytes are shown in an error. */
const SHOWN_BYTES = 16;

function shown(value: unknown): string {
  if (!isByteArray(value)) return describe(value);
  if (value.length > SHOWN_BYTES) return `${value.length} other bytes`;
  return `the bytes ${value.join(" ")}`;
}

class ConstantField extends Field<never, never> {
  override readonly isSilent: boolean = true;
  private readonly field: AnyField;
  private readonly value: unknown;

  constructor(field: AnyField, value: unknown) {
    super();
    this.field = checkInner("a constant", field);
    this.value = isByteArray(value) ? new Uint8Array(value) : value;
    field.check(value);
    this.adopt([field]);
    this.fixedBytes = field.fixedBytes;
  }

  override isOpen(): boolean {
    return this.field.isOpen();
  }

  override least(): number {
    return this.field.least();
  }

  override take(r: Reader, end: number): unknown {
    const { position } = r;
    const got = this.field.take(r, end, undefined);
    if (r.lacking === 0) this.compare(position, got);
    return undefined;
  }

  override put(w: Writer): void {
    this.field.put(w, this.value, undefined);
  }

  override size(_value: unknown, at: number): number {
    return this.field.size(this.value, at, undefined);
  }

  override *walk(walker: Walker): Walk {
    return yield* this.field.walk(walker, undefined);
  }

  private compare(position: number, got: unknown): void {
    const { value } = this;
    if (isSame(got, value)) return;
    throw malformed(position, `${shown(value)}, not ${shown(got)}`);
  }
}

/**
 * A value that always is the same, such as magic bytes. It is not in the values that are read and
 * written. Another one is ERR_MALFORMED.
 */
export function constant<F extends AnyField>(field: F, value: Infer<F>): Silent {
  return new ConstantField(field, value);
}

class MappedField<Out, In, R extends string> extends Field<Out, In, R> {
  private readonly field: AnyField;
  private readonly decode: (value: unknown) => unknown;
  private readonly encode: (value: unknown) => unknown;

  constructor(
    field: AnyField,
    decode: (value: unknown) => unknown,
    encode: (value: unknown) => unknown,
    kind?: Kind,
  ) {
    super(checkFieldOf("the mapped field", field).wants);
    for (const [name, value] of Object.entries({ decode, encode })) {
      if (typeof value !== "function") throw invalid(name, value, "a function");
    }
    if (field.isSilent) throw invalid("the mapped field", field, "a field with a value");
    this.wantsAlso = field.wantsAlso;
    this.field = field;
    this.decode = decode;
    // What a function reads may be such.
    this.mayHold = true;
    this.encode = encode;
    this.kind = kind ?? "number";
    this.adopt([field]);
    this.fixedBytes = field.fixedBytes;
  }

  override readonly kind: Kind;

  override isOpen(): boolean {
    return this.field.isOpen();
  }

  override least(): number {
    return this.field.least();
  }

  override take(r: Reader, end: number, ref: unknown, also: unknown): unknown {
    const value = this.field.take(r, end, ref, also);
    const { decode } = this;
    return r.lacking > 0 ? undefined : decode(value);
  }

  override put(w: Writer, value: unknown, ref: unknown, also: unknown): void {
    const { encode } = this;
    this.field.put(w, encode(value), ref, also);
  }

  override size(value: unknown, at: number, ref: unknown, also: unknown): number {
    const { encode } = this;
    return this.field.size(encode(value), at, ref, also);
  }

  override *walk(walker: Walker, ref: unknown, also: unknown): Walk {
    return yield* this.field.walk(walker, ref, also);
  }

  override *find(walker: Walker, ref: unknown, also: unknown): Walk {
    const { decode } = this;
    return decode(yield* this.field.find(walker, ref, also));
  }

  override measure(value: unknown, name: string, also: unknown): unknown {
    const { encode } = this;
    return this.field.measure(encode(value), name, also);
  }

  override check(value: unknown): void {
    const { encode } = this;
    this.field.check(encode(value));
  }
}

/**
 * A field whose values are changed by functions: `decode` gets what was read, and `encode` what is
 * to be written. Both are called as often as it takes. What they throw is passed on.
 */
export function mapped<F extends AnyField, T>(
  field: F,
  decode: (value: Infer<F>) => T,
  encode: (value: T) => InferInput<F>,
): Field<T, T, RefsOf<F>> {
  type Change = (value: unknown) => unknown;
  return new MappedField<T, T, RefsOf<F>>(field, decode as Change, encode as Change);
}

/**
 * Names for numbers: `enumerated(u8, { get: 1, set: 2 })` reads 1 as "get". A number without a name
 * is ERR_MALFORMED, and another name is ERR_INVALID_ARGUMENT.
 */
export function enumerated<T extends number | bigint, const N extends Readonly<Record<string, T>>>(
  field: Field<T>,
  names: N,
): Field<keyof N & string> {
  const values = new Map<unknown, T>(Object.entries(names));
  const keys = new Map<unknown, string>(
    Object.entries(names).map(([name, value]) => [value, name]),
  );
  if (keys.size < values.size) throw invalid("names", names, "a number for each name");
  for (const value of values.values()) checkFieldOf("the field of names", field).check(value);
  const all = [...values.keys()].map((name) => JSON.stringify(name)).join(", ");
  return new EnumeratedField(field, values, keys, all) as Field<keyof N & string>;
}

class EnumeratedField extends Field<string> {
  private readonly field: AnyField;
  private readonly values: ReadonlyMap<unknown, unknown>;
  private readonly keys: ReadonlyMap<unknown, string>;
  private readonly all: string;

  constructor(
    field: AnyField,
    values: ReadonlyMap<unknown, unknown>,
    keys: ReadonlyMap<unknown, string>,
    all: string,
  ) {
    super();
    this.field = checkInner("the field of names", field);
    this.values = values;
    this.keys = keys;
    this.all = all;
    this.adopt([field]);
    this.fixedBytes = field.fixedBytes;
  }

  override least(): number {
    return this.field.least();
  }

  override take(r: Reader, end: number): unknown {
    const { position } = r;
    const got = this.field.take(r, end, undefined);
    return r.lacking > 0 ? undefined : this.nameAt(position, got);
  }

  override put(w: Writer, value: unknown): void {
    this.field.put(w, this.codeOf(value), undefined);
  }

  override size(value: unknown, at: number): number {
    return this.field.size(this.codeOf(value), at, undefined);
  }

  override *walk(walker: Walker): Walk {
    return yield* this.find(walker);
  }

  override *find(walker: Walker): Walk {
    const { position } = walker.r;
    return this.nameAt(position, yield* this.field.find(walker, undefined));
  }

  override check(value: unknown): void {
    this.codeOf(value);
  }

  private nameAt(position: number, got: unknown): string {
    const name = this.keys.get(got);
    if (name !== undefined) return name;
    const expected = `one of ${[...this.keys.keys()].join(", ")}, not ${describe(got)}`;
    throw malformed(position, expected);
  }

  private codeOf(name: unknown): unknown {
    if (this.values.has(name)) return this.values.get(name);
    throw invalid("the name", name, `one of ${this.all}`);
  }
}

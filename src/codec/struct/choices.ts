/** Fields that are there, or are what they are, as other fields say. */
import { describe } from "../../base/describe.js";
import { invalid } from "../../buffers/errors.js";
import { BufferError } from "../../index.js";
import { checkNames, checkObject, malformed } from "../checks.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { checkInner, checkReferring } from "./description.js";
import {
  type AnyField,
  Field,
  type Infer,
  type InferInput,
  type RefsOf,
  type Walk,
} from "./field.js";
import { located } from "./paths.js";
import type { Walker } from "./walker.js";

type Test = (value: unknown) => boolean;

/** A field that is there if another one says so. */
class WhenField<Out, In, R extends string> extends Field<Out, In, R> {
  private readonly field: AnyField;
  private readonly test: Test;
  /** Whether the field that says it can be computed: it says yes or no, and no more. */
  private readonly isPlain: boolean;

  constructor(name: string, field: AnyField, test: unknown) {
    super(name);
    if (typeof name !== "string") throw invalid("when", name, "the name of a field");
    this.field = checkReferring("the field of when", field);
    this.wantsAlso = field.wants;
    if (field.isSilent) throw invalid("the field of when", field, "a field with a value");
    this.isPlain = test === undefined;
    this.adopt([field]);
    if (typeof test === "function") this.test = (value) => test(value) === true;
    else this.test = this.isPlain ? Boolean : (value) => value === test;
  }

  override isOpen(): boolean {
    return this.field.isOpen();
  }

  override least(): number {
    return 0;
  }

  override take(r: Reader, end: number, ref: unknown, also: unknown): unknown {
    if (r.lacking > 0) return undefined;
    const { test } = this;
    return test(ref) ? this.field.take(r, end, also) : undefined;
  }

  override put(w: Writer, value: unknown, ref: unknown, also: unknown): void {
    const { test, wants } = this;
    const isThere = test(ref);
    if (isThere !== (value !== undefined)) {
      const what = isThere ? "is missing" : "is given";
      const message = `the value ${what}, but ${wants} is ${describe(ref)}`;
      throw new BufferError("ERR_INVALID_ARGUMENT", message, { got: value, ref });
    }
    if (isThere) this.field.put(w, value, also);
  }

  override size(value: unknown, at: number, _ref: unknown, also: unknown): number {
    return value === undefined ? at : this.field.size(value, at, also);
  }

  override *walk(walker: Walker, ref: unknown, also: unknown): Walk {
    const { test } = this;
    return test(ref) ? yield* this.field.walk(walker, also) : undefined;
  }

  override measure(value: unknown, name: string): unknown {
    if (name !== this.wants) return value === undefined ? 0 : this.field.measure(value, name, 0);
    return this.isPlain ? value !== undefined : undefined;
  }
}

/**
 * A field that is there if the field `name` before it in the same struct is true, or not 0; or is
 * `is`; or if `is` is a function that returns true for it. If it is not there, its value is
 * undefined. To write, a plain flag may be absent, and is computed then.
 */
export function when<const Name extends string, F extends AnyField>(
  name: Name,
  field: F,
): Field<Infer<F> | undefined, InferInput<F> | undefined, Name | RefsOf<F>>;
export function when<const Name extends string, F extends AnyField>(
  name: Name,
  field: F,
  is: number | bigint | string | boolean | ((value: never) => boolean),
): Field<Infer<F> | undefined, InferInput<F> | undefined, RefsOf<F>>;
export function when(name: string, field: AnyField, is?: unknown): AnyField {
  return new WhenField<unknown, unknown, string>(name, field, is);
}

/** The fields of a choice, by the tag that says which it is. */
export type Cases = Readonly<Record<string | number, AnyField>>;

/** What `union` and `tagged` accept. */
export interface ChoiceOptions<O extends AnyField> {
  /** What a value is whose tag has no case. Default: such a tag is ERR_MALFORMED. */
  readonly others?: O | undefined;
}

/** Which field a tag says. */
class Choice {
  readonly fields: readonly AnyField[];
  private readonly byTag: ReadonlyMap<string, AnyField>;
  private readonly others: AnyField | undefined;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(cases: unknown, options: ChoiceOptions<AnyField>) {
    const { others } = checkNames(options, ["others"]);
    const entries = Object.entries(checkObject("cases", cases as object));
    if (entries.length === 0) throw invalid("cases", cases, "at least one case");
    for (const [tag, field] of entries) checkCase(`the case ${tag}`, field);
    if (others !== undefined) checkCase("others", others);
    this.byTag = new Map(entries);
    this.others = others;
    this.fields = [...this.byTag.values(), ...(others === undefined ? [] : [others])];
  }

  get isOpen(): boolean {
    return this.fields.some((field) => field.isOpen());
  }

  get least(): number {
    return Math.min(...this.fields.map((field) => field.least()));
  }

  /** Returns the field for a tag that was read. @throws {BufferError} ERR_MALFORMED */
  read(tag: unknown, position: number): AnyField {
    const field = this.find(tag);
    if (field !== undefined) return field;
    throw malformed(position, `${this.tags()}, not ${describe(tag)}`);
  }

  /** Returns the field for a tag that is to be written. @throws {BufferError} */
  written(tag: unknown): AnyField {
    const field = this.find(tag);
    if (field !== undefined) return field;
    throw invalid("the tag", tag, this.tags());
  }

  private find(tag: unknown): AnyField | undefined {
    const { byTag, others } = this;
    return isTag(tag) ? (byTag.get(String(tag)) ?? others) : undefined;
  }

  private tags(): string {
    return `a tag of ${[...this.byTag.keys()].join(", ")}`;
  }
}

function checkCase(name: string, field: unknown): void {
  if (checkInner(name, field as AnyField).isSilent) {
    throw invalid(name, field, "a field with a value");
  }
}

function isTag(tag: unknown): boolean {
  return typeof tag === "string" || typeof tag === "number" || typeof tag === "bigint";
}

/** What kind of value it is, the field `name` says. */
export class UnionField<
  Name extends string,
  C extends Cases,
  R extends string = never,
  O extends AnyField = never,
> extends Field<Infer<C[keyof C] | O>, InferInput<C[keyof C] | O>, R> {
  declare protected readonly union: readonly [Name, C, O];
  private readonly choice: Choice;

  constructor(name: Name, cases: C, options: ChoiceOptions<O>) {
    super(name);
    if (typeof name !== "string") throw invalid("union", name, "the name of a field");
    this.choice = new Choice(cases, options);
    this.adopt(this.choice.fields);
  }

  override isOpen(): boolean {
    return this.choice.isOpen;
  }

  override least(): number {
    return this.choice.least;
  }

  override take(r: Reader, end: number, ref: unknown): unknown {
    if (r.lacking > 0) return undefined;
    return this.choice.read(ref, r.position).take(r, end, undefined);
  }

  override put(w: Writer, value: unknown, ref: unknown): void {
    this.choice.written(ref).put(w, value, undefined);
  }

  override size(value: unknown, at: number, ref: unknown): number {
    return this.choice.written(ref).size(value, at, undefined);
  }

  override *walk(walker: Walker, ref: unknown): Walk {
    return yield* this.choice.read(ref, walker.r.position).walk(walker, undefined);
  }
}

/**
 * A value whose kind the field `name` before it in the same struct says. The struct's type is a
 * union then, by that field. A value of another kind is `others`.
 */
export function union<const Name extends string, const C extends Cases, O extends AnyField = never>(
  name: Name,
  cases: C,
  options: ChoiceOptions<O> = {},
): UnionField<Name, C, never, O> {
  return new UnionField(name, cases, options);
}

/** A tag and the value that it says, as an object of both. */
export type Tagged<C extends Cases, T = never, O extends AnyField = never> =
  | { [K in keyof C]: { tag: K; value: Infer<C[K]> } }[keyof C]
  | ([O] extends [never] ? never : { tag: T; value: Infer<O> });
/** What can be written as a tag and its value. */
export type TaggedInput<C extends Cases, T = never, O extends AnyField = never> =
  | { [K in keyof C]: { readonly tag: K; readonly value: InferInput<C[K]> } }[keyof C]
  | ([O] extends [never] ? never : { readonly tag: T; readonly value: InferInput<O> });

class TaggedField<Out, In> extends Field<Out, In> {
  private readonly tag: AnyField;
  private readonly choice: Choice;

  constructor(tag: AnyField, cases: Cases, options: ChoiceOptions<AnyField>) {
    super();
    this.tag = checkInner("the tag", tag);
    if (tag.isSilent) throw invalid("the tag", tag, "a field with a value");
    this.choice = new Choice(cases, options);
    this.adopt([tag, ...this.choice.fields]);
  }

  override isOpen(): boolean {
    return this.choice.isOpen;
  }

  override least(): number {
    return this.tag.least() + this.choice.least;
  }

  override take(r: Reader, end: number): unknown {
    const { position } = r;
    let name = "tag";
    try {
      const tag = this.tag.take(r, end, undefined);
      if (r.lacking > 0) return undefined;
      const field = this.choice.read(tag, position);
      name = "value";
      return { tag, value: field.take(r, end, undefined) };
    } catch (error) {
      throw located(error, name);
    }
  }

  override put(w: Writer, given: unknown): void {
    const { tag, value } = checkTagged(given);
    let name = "tag";
    try {
      const field = this.choice.written(tag);
      this.tag.put(w, tag, undefined);
      name = "value";
      field.put(w, value, undefined);
    } catch (error) {
      throw located(error, name);
    }
  }

  override size(given: unknown, at: number): number {
    const { tag, value } = checkTagged(given);
    let name = "tag";
    try {
      const field = this.choice.written(tag);
      const size = this.tag.size(tag, at, undefined);
      name = "value";
      return field.size(value, size, undefined);
    } catch (error) {
      throw located(error, name);
    }
  }

  override *walk(walker: Walker): Walk {
    const { position } = walker.r;
    const tag = yield* this.tag.find(walker, undefined);
    return yield* this.choice.read(tag, position).walk(walker, undefined);
  }
}

function checkTagged(value: unknown): { tag?: unknown; value?: unknown } {
  if (typeof value === "object" && value !== null) return value;
  throw invalid("the value", value, "an object of tag and value");
}

/**
 * A tag and, after it, the value that the tag says: `{ tag, value }`. A tag without a case is
 * ERR_MALFORMED, unless `others` says what its value is.
 */
export function tagged<const C extends Cases, T = keyof C, O extends AnyField = never>(
  tag: Field<T> | Field<number> | Field<bigint> | Field<string> | Field<keyof C>,
  cases: C,
  options: ChoiceOptions<O> = {},
): Field<Tagged<C, T, O>, TaggedInput<C, T, O>> {
  return new TaggedField(tag as AnyField, cases, options as ChoiceOptions<AnyField>);
}

import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import type { Walker } from "./walker.js";

/** What a value is that says a length or whether something is there. */
export type Kind = "number" | "bigint" | "boolean";

/** A walk over a value of which more bytes may come: it yields until they have come. */
export type Walk = Generator<undefined, unknown, undefined>;

/** How the code that is generated for a struct reads and writes a field by methods. */
export interface FieldCode {
  /** An expression that reads from `r`. */
  readonly read: string;
  /** Returns a statement that writes the value of an expression to `w`. */
  readonly write: (value: string) => string;
}

/** The functions that a struct was compiled to. */
export interface Compiled {
  readonly take: (r: Reader, end: number) => unknown;
  readonly put: (w: Writer, value: unknown) => void;
  /** Kept, because V8 throws away code for a shape of objects if a collection finds none. */
  readonly example: object;
}

/**
 * A part of a description: how one value is read and written. `Out` is the type of the values that
 * are read, and `In` of those that can be written. `Refs` names the fields beside it that say
 * something about it, such as its length. Fields have no state: they are shared freely.
 *
 * A read never fails because bytes are missing: it returns something, and the reader is short.
 * A field that interprets what it has read asks for that first.
 */
export abstract class Field<Out = unknown, In = Out, Refs extends string = never> {
  /** Only a type, by which values are inferred; there is no such property. */
  declare protected readonly types: readonly [Out, (value: In) => void, Refs];
  /** @internal The field beside it that says something about it. */
  readonly wants: string | undefined;
  /** @internal Another one, which says something about a field within it. */
  wantsAlso: string | undefined;
  /** @internal Whether it counts from where its struct begins. */
  readonly wantsStart: boolean = false;
  /** @internal Whether it has no value, as padding and constants. */
  readonly isSilent: boolean = false;
  /** @internal Whether a part of it is described by `lazy`, and cannot be looked at yet. */
  isLate: boolean;
  /** @internal Whether a value may have slices, which have to be released. */
  mayHold: boolean;
  /** @internal How many bytes every value has; 0 if they differ. */
  fixedBytes: number;
  /** @internal What kind of values a length or a flag must be to be written by this field. */
  readonly kind: Kind = "number";
  /** @internal */
  readonly code: FieldCode | undefined = undefined;
  /** @internal What `take` and `put` do, if it takes no more than a reader or a writer. */
  readonly reads: ((r: Reader) => unknown) | undefined = undefined;
  /** @internal */
  readonly writes: ((w: Writer, value: unknown) => void) | undefined = undefined;
  /** @internal */
  readonly compiled: Compiled | undefined = undefined;

  constructor(wants?: string) {
    this.wants = wants;
    this.wantsAlso = undefined;
    this.isLate = false;
    this.mayHold = false;
    this.fixedBytes = 0;
  }

  /** @internal Takes over what is so of a field if it is so of a part of it. */
  protected adopt(inner: readonly AnyField[]): void {
    this.isLate = inner.some(({ isLate }) => isLate);
    this.mayHold ||= inner.some(({ mayHold }) => mayHold);
  }

  /** @internal How many bits a value has at least. */
  abstract least(): number;

  /** @internal Whether a value goes on to the end of what is read. */
  isOpen(): boolean {
    return false;
  }

  /**
   * @internal Reads a value of which `end` is the limit, as a position. `ref` is the value of the
   * field that it wants, or the position where its struct begins; `also` is that of `wantsAlso`.
   */
  abstract take(r: Reader, end: number, ref: unknown, also?: unknown): unknown;

  /** @internal Writes a value. What it has written when it throws is taken back by the caller. */
  abstract put(w: Writer, value: unknown, ref: unknown, also?: unknown): void;

  /** @internal Returns how many bits there are with a value that begins after `at` bits. */
  abstract size(value: unknown, at: number, ref: unknown, also?: unknown): number;

  /** @internal Passes over a value. */
  abstract walk(walker: Walker, ref: unknown, also?: unknown): Walk;

  /** @internal Passes over a value and returns it, because other fields want it. */
  *find(walker: Walker, ref: unknown, also?: unknown): Walk {
    const read = (): unknown => this.take(walker.r, Infinity, ref, also);
    return yield* walker.find(this.walk(walker, ref, also), read);
  }

  /** @internal Returns what the field `name`, which it wants, must say of a value. */
  measure(_value: unknown, _name: string, _also: unknown): unknown {
    return undefined;
  }

  /** @internal @throws {BufferError} if the value cannot be written */
  check(_value: unknown): void {}
}

/** Any field. */
export type AnyField = Field<unknown, never, string>;
/** A field without a value of its own, such as padding. */
export type Silent = Field<never, never>;

/** The type of the values that a field or a struct reads. */
export type Infer<F> = F extends Field<infer Out, infer _In, infer _Refs> ? Out : never;
/** The type of the values that a field or a struct writes: what can be computed may be absent. */
export type InferInput<F> = F extends Field<infer _Out, infer In, infer _Refs> ? In : never;
/** The names that a field refers to. */
export type RefsOf<F> = F extends Field<infer _Out, infer _In, infer Refs> ? Refs : never;

/** Returns bits rounded up to whole bytes. */
export function wholeBytes(bits: number): number {
  return Math.ceil(bits / 8) * 8;
}

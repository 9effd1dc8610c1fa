/** Text and bytes: of a fixed length, after a prefix, to a terminator, or to the end. */
import { invalid } from "../../buffers/errors.js";
import { type Bytes, checkBytes, isBytes, utf8Length } from "../../buffers/internal.js";
import { checkWhole, malformed, tooLarge } from "../checks.js";
import type { LengthPrefix } from "../fields.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { Field, type Walk, wholeBytes } from "./field.js";
import {
  checkOptions,
  checkPrefix,
  type Length,
  LengthOf,
  type LengthOptions,
  type NameOf,
  present,
} from "./lengths.js";
import { noteSlice } from "./slices.js";
import type { Walker } from "./walker.js";

/** What is different between text and bytes. */
interface Content {
  readonly what: string;
  read(r: Reader, count: number): unknown;
  write(w: Writer, value: unknown): void;
  /** Returns how many bytes a value has. @throws {BufferError} ERR_INVALID_ARGUMENT */
  count(value: unknown): number;
}

function checkText(value: unknown): string {
  if (typeof value === "string") return value;
  throw invalid("the text", value, "a string");
}

const UTF8: Content = {
  what: "the length of the text",
  read: (r, count) => r.utf8(count),
  write: (w, value) => w.utf8(value as string),
  count: (value) => utf8Length(checkText(value)),
};

const LATIN1: Content = {
  what: UTF8.what,
  read: (r, count) => r.latin1(count),
  write: (w, value) => w.latin1(value as string),
  count: (value) => checkText(value).length,
};

const UTF16: Content = {
  what: UTF8.what,
  read(r, count) {
    if (count % 2 !== 0) throw malformed(r.position, "an even count of bytes");
    return r.utf16le(count);
  },
  write: (w, value) => w.utf16le(value as string),
  count: (value) => 2 * checkText(value).length,
};

const COPIES: Content = {
  what: "the length of the bytes",
  read: (r, count) => r.copy(count),
  write(w, value) {
    if (value instanceof Uint8Array || !isBytes(value)) w.bytes(value as Uint8Array);
    else w.append(value);
  },
  count(value) {
    if (!(value instanceof Uint8Array) && isBytes(value)) return value.length;
    return checkBytes("the bytes", value, "a Uint8Array or Bytes").length;
  },
};

const SLICES: Content = {
  ...COPIES,
  read(r, count) {
    const slice = r.bytes(count);
    noteSlice(slice);
    return slice;
  },
};

/** Text or bytes whose length is known before they begin. */
class ContentField<Out, In, R extends string = never> extends Field<Out, In, R> {
  /** @internal */
  readonly content: Content;
  /** @internal */
  readonly length: LengthOf;

  constructor(content: Content, source: unknown, options?: LengthOptions) {
    const length = new LengthOf(source, content.what, options);
    super(length.wants);
    this.content = content;
    this.mayHold = content === SLICES;
    this.length = length;
  }

  override least(): number {
    const { fixed = 0, least } = this.length;
    return 8 * fixed + least;
  }

  override take(r: Reader, _end: number, ref: unknown): unknown {
    const { position } = r;
    const { content, length } = this;
    // Also no bytes at all end a byte of which some bits are read.
    if (length.prefix === undefined) r.align();
    const count = length.read(r, ref);
    if (length.fixed === undefined && count > r.maximum) {
      throw tooLarge(content.what, position, count, r.maximum);
    }
    return content.read(r, present(r, count));
  }

  override put(w: Writer, value: unknown, ref: unknown): void {
    const { content, length } = this;
    length.write(w, content.count(value), ref);
    if (length.prefix === undefined) w.align();
    content.write(w, value);
  }

  override size(value: unknown, at: number): number {
    const count = this.content.count(value);
    return wholeBytes(this.length.size(count, at)) + 8 * count;
  }

  override *walk(walker: Walker, ref: unknown): Walk {
    yield* walker.skip(yield* this.length.walk(walker, ref));
    return undefined;
  }

  override measure(value: unknown): number {
    return this.content.count(value);
  }

  override check(value: unknown): void {
    this.length.check(this.content.count(value), this.length.fixed);
  }
}

/** Short texts after a prefix are what messages have most, and readers are made for them. */
class Utf8PrefixedField extends ContentField<string, string> {
  constructor(prefix: LengthPrefix, options: LengthOptions) {
    super(UTF8, prefix, options);
    if (this.length.maximum !== Infinity) return;
    const name = JSON.stringify(this.length.prefixName);
    this.reads = (r) => r.utf8Prefixed(prefix);
    this.writes = (w, value) => w.utf8Prefixed(prefix, value as string);
    this.code = {
      read: `r.utf8Prefixed(${name})`,
      write: (value) => `w.utf8Prefixed(${name}, ${value})`,
    };
  }

  override readonly code: Field["code"];
  override readonly reads: Field["reads"];
  override readonly writes: Field["writes"];

  override take(r: Reader): unknown {
    const { prefixName, maximum } = this.length;
    return r.utf8Prefixed(prefixName, Math.min(maximum, r.maximum));
  }

  override put(w: Writer, value: unknown): void {
    const { prefixName, maximum } = this.length;
    if (maximum !== Infinity) this.length.check(UTF8.count(value), undefined);
    w.utf8Prefixed(prefixName, value as string);
  }
}

class TerminatedField extends Field<string> {
  private readonly terminator: number;
  private readonly maximum: number;

  constructor(terminator: number, options: LengthOptions) {
    super();
    checkWhole("terminator", terminator, 0x7f);
    this.terminator = terminator;
    this.maximum = checkOptions(options);
  }

  override least(): number {
    return 8;
  }

  override take(r: Reader): unknown {
    return r.utf8Terminated(this.terminator, Math.min(this.maximum, r.maximum));
  }

  override put(w: Writer, value: unknown): void {
    this.check(value);
    w.utf8Terminated(value as string, this.terminator);
  }

  override check(value: unknown): void {
    const count = UTF8.count(value);
    if (count > this.maximum) throw tooLarge(UTF8.what, 0, count, this.maximum);
  }

  override size(value: unknown, at: number): number {
    return wholeBytes(at) + 8 * (UTF8.count(value) + 1);
  }

  override *walk(walker: Walker): Walk {
    const { position } = walker.r;
    const most = Math.min(this.maximum, walker.r.maximum);
    const next = (): number => walker.r.u8();
    for (let count = 0; (yield* walker.take(next)) !== this.terminator; count++) {
      if (count >= most) throw tooLarge(UTF8.what, position, count + 1, most);
    }
    return undefined;
  }
}

/** What is left, to the end of what is read. */
class RestField<Out, In> extends Field<Out, In> {
  private readonly content: Content;

  constructor(content: Content) {
    super();
    this.content = content;
  }

  override isOpen(): boolean {
    return true;
  }

  override least(): number {
    return 0;
  }

  override take(r: Reader, end: number): unknown {
    const { position } = r;
    r.align();
    const count = r.lacking > 0 ? 0 : Math.max(0, end - position);
    if (count <= r.maximum) return this.content.read(r, count);
    throw tooLarge(this.content.what, position, count, r.maximum);
  }

  override put(w: Writer, value: unknown): void {
    this.content.count(value);
    w.align();
    this.content.write(w, value);
  }

  override size(value: unknown, at: number): number {
    return wholeBytes(at) + 8 * this.content.count(value);
  }

  // biome-ignore lint/correctness/useYield: a finder refuses what has no end of its own.
  override *walk(): Walk {
    return undefined;
  }

  override check(value: unknown): void {
    this.content.count(value);
  }
}

type AnyBytes = Uint8Array | Bytes;

/**
 * Text of `length` bytes of UTF-8: a number, a prefix, or `ref("name")` of the field that says it.
 * Text with a number must have that many bytes to be written.
 */
export function utf8<const L extends LengthPrefix | Length>(
  length: L,
  options: LengthOptions = {},
): Field<string, string, NameOf<L>> {
  if (typeof length === "string") return utf8Prefixed(length, options);
  return new ContentField<string, string, NameOf<L>>(UTF8, length, options);
}

/** Text as UTF-8 after a prefix that says how many bytes it has, as `utf8(prefix)`. */
export function utf8Prefixed(prefix: LengthPrefix, options: LengthOptions = {}): Field<string> {
  return new Utf8PrefixedField(checkPrefix(prefix), options);
}

/** Text as UTF-8 up to the byte `terminator`, from 0 to 127. */
export function utf8Terminated(terminator: number = 0, options: LengthOptions = {}): Field<string> {
  return new TerminatedField(terminator, options);
}

/**
 * Text in Latin-1, a byte for each character: `length` is a number of bytes, a prefix, or
 * `ref("name")`. A character above U+00FF is ERR_OUT_OF_RANGE.
 */
export function latin1<const L extends LengthPrefix | Length>(
  length: L,
  options: LengthOptions = {},
): Field<string, string, NameOf<L>> {
  return new ContentField<string, string, NameOf<L>>(LATIN1, length, options);
}

/**
 * Text in UTF-16, the lower byte first: `length` is a number of bytes, a prefix that counts bytes,
 * or `ref("name")`.
 */
export function utf16le<const L extends LengthPrefix | Length>(
  length: L,
  options: LengthOptions = {},
): Field<string, string, NameOf<L>> {
  return new ContentField<string, string, NameOf<L>>(UTF16, length, options);
}

/** The rest as UTF-8: to the end of what is read, or of the `sized` field around it. */
export const utf8Rest: Field<string> = /* @__PURE__ */ new RestField<string, string>(UTF8);

/**
 * `length` bytes: a number, a prefix, or `ref("name")` of the field that says it. What is read is a
 * copy on the JavaScript heap, which outlives what it was read from. What is written may also be
 * `Bytes`, as for `append` of a writer: the caller still has to release them.
 */
export function bytes<const L extends LengthPrefix | Length>(
  length: L,
  options: LengthOptions = {},
): Field<Uint8Array, AnyBytes, NameOf<L>> {
  return new ContentField<Uint8Array, AnyBytes, NameOf<L>>(COPIES, length, options);
}

/** Bytes, as `bytes` reads and writes them, after a prefix that says how many there are. */
export function bytesPrefixed(
  prefix: LengthPrefix,
  options: LengthOptions = {},
): Field<Uint8Array, AnyBytes> {
  return new ContentField<Uint8Array, AnyBytes>(COPIES, checkPrefix(prefix), options);
}

/**
 * Bytes that are read without a copy: `length` is a number, a prefix, or `ref("name")`. From
 * `Bytes` they are a slice, which the caller releases; from a `Uint8Array` they are a view of it. A
 * value that is not read to its end, for lack of bytes or by an error, keeps none.
 */
export function slice<const L extends LengthPrefix | Length>(
  length: L,
  options: LengthOptions = {},
): Field<AnyBytes, AnyBytes, NameOf<L>> {
  return new ContentField<AnyBytes, AnyBytes, NameOf<L>>(SLICES, length, options);
}

/** The rest as bytes: to the end of what is read, or of the `sized` field around it. */
export const bytesRest: Field<Uint8Array, AnyBytes> = /* @__PURE__ */ new RestField<
  Uint8Array,
  AnyBytes
>(COPIES);

import { invalid } from "../../buffers/errors.js";
import type { Bytes, BytesPool } from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { checkBoolean, checkNames, checkObject, checkPool, malformed } from "../checks.js";
import { type CustomFramerOptions, framerOf } from "../framing/custom.js";
import type { Framer } from "../framing/framer.js";
import { checkSource, pendingBits, seekBack } from "../reader/parts.js";
import { Reader } from "../reader/reader.js";
import type { ReaderOptions } from "../reader/state.js";
import { Writer } from "../writer/writer.js";
import { chain } from "./chains.js";
import { type AnyField, type Compiled, Field, type Walk } from "./field.js";
import { generate } from "./generate.js";
import { compileParts, type PartOf, putParts, sizeParts, takeParts, walkParts } from "./parts.js";
import { isTracing, trace, withPath } from "./paths.js";
import { freeBits, rollBack } from "./rollBack.js";
import { beginSlices, endSlices } from "./slices.js";
import type { InputOf, OutputOf } from "./types.js";
import { Walker } from "./walker.js";

/** @throws {BufferError} ERR_MALFORMED if bytes are left */
function checkEnd({ position, remaining }: Reader): void {
  if (remaining > 0) throw malformed(position, `the end; ${remaining} bytes are left`);
}

/** How a struct is compiled. */
export interface StructOptions {
  /**
   * Whether code is generated, by `new Function`. Default true. Where a policy forbids that, and
   * with false, the struct does the same without, and takes longer.
   */
  readonly generate?: boolean | undefined;
}

/** The names, and the fields of a struct, in the order of the bytes. */
export type Description = Readonly<Record<string, AnyField>>;

/**
 * Reads and writes objects as a description says: see `struct`. It is also a field, and can stand
 * in other descriptions.
 */
export class Struct<Out, In = Out> extends Field<Out, In> {
  private readonly parts: readonly PartOf[];
  /** @internal */
  override readonly compiled: Compiled;

  /** @internal */
  constructor(description: object, options: StructOptions = {}) {
    super();
    const { generate: mayGenerate = true } = checkNames(options, ["generate"]);
    checkBoolean("generate", mayGenerate);
    const parts = compileParts(checkObject("the description", description));
    this.parts = parts;
    this.adopt(parts.map(({ field }) => field));
    const widths = parts.map(({ field }) => field.fixedBytes);
    this.fixedBytes = widths.includes(0) ? 0 : widths.reduce((sum, width) => sum + width, 0);
    this.compiled = (mayGenerate ? generate(parts) : undefined) ?? chain(parts);
  }

  /**
   * Reads a value. If bytes are missing, it returns undefined: the reader stands where it stood,
   * and its `missing` says how many more are needed at least.
   * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE with the position and the path of the field;
   * the reader stands where it stood. ERR_RELEASED, ERR_INVALID_ARGUMENT
   */
  read(reader: Reader): Out | undefined {
    return this.readOne(reader, false);
  }

  private readOne(reader: Reader, isAll: boolean): Out | undefined {
    if (!(reader instanceof Reader)) throw invalid("reader", reader, "a Reader");
    checkSource(reader);
    if (reader.lacking > 0) return undefined;
    const { position } = reader;
    const pending = pendingBits(reader);
    if (!this.mayHold) return this.readFrom(reader, isAll, position, pending);
    const slices = beginSlices();
    let value: Out | undefined;
    try {
      value = this.readFrom(reader, isAll, position, pending);
      return value;
    } finally {
      endSlices(value === undefined ? slices : -1);
    }
  }

  /** Reads a value at a position, or goes back there. */
  private readFrom(
    reader: Reader,
    isAll: boolean,
    position: number,
    pending: number,
  ): Out | undefined {
    try {
      const value = this.take(reader, reader.total);
      if (reader.lacking === 0) {
        if (isAll) checkEnd(reader);
        return value as Out;
      }
    } catch (error) {
      reader.lacking = 0;
      seekBack(reader, position, pending);
      const traced = trace(error, () => this.take(reader, reader.total));
      reader.lacking = 0;
      seekBack(reader, position, pending);
      throw traced;
    }
    seekBack(reader, position, pending);
    reader.end = reader.at;
    return undefined;
  }

  /**
   * Writes a value.
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_INVALID_ARGUMENT with the path of the field, and
   * what the writer throws; nothing is written then
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  write(writer: Writer, value: In): void {
    if (!(writer instanceof Writer)) throw invalid("writer", writer, "a Writer");
    const { length, isFrozen } = writer;
    const free = freeBits(writer);
    try {
      this.put(writer, value);
    } catch (error) {
      rollBack(writer, length, free, isFrozen);
      const traced = trace(error, () => this.put(writer, value));
      rollBack(writer, length, free, isFrozen);
      throw traced;
    }
  }

  /**
   * Returns the value that bytes are, from the first to the last of them.
   * @throws {BufferError} ERR_TRUNCATED if bytes are missing; ERR_MALFORMED, also if some are left
   */
  decode(source: Bytes | Uint8Array, options?: ReaderOptions): Out {
    const reader = new Reader(source, options);
    const value = this.readOne(reader, true);
    const { position, missing } = reader;
    if (missing === 0) return value as Out;
    const message = `the bytes end within the value: ${missing} or more are missing`;
    throw new BufferError("ERR_TRUNCATED", message, { position, missing });
  }

  /** Returns a value as `Bytes`, which the caller releases. @throws what `write` throws */
  encode<B extends ArrayBufferLike>(pool: BytesPool<B>, value: In): Bytes<B> {
    checkPool(pool);
    const writer = new Writer(pool);
    try {
      this.write(writer as unknown as Writer, value);
      return writer.finish();
    } finally {
      writer[Symbol.dispose]();
    }
  }

  /**
   * Returns how many bytes a value has, if it can be written: numbers are not checked.
   * @throws {BufferError} ERR_OUT_OF_RANGE, ERR_INVALID_ARGUMENT with the path of the field
   */
  lengthOf(value: In): number {
    try {
      return Math.ceil(this.size(value, 0) / 8);
    } catch (error) {
      throw withPath(error);
    }
  }

  /**
   * Returns a function for `framerOf`, which finds where a value ends that has begun to come. It
   * looks at each byte once, however the bytes come. Each framer needs one of its own.
   * @throws {BufferError} ERR_INVALID_ARGUMENT if values have no end of their own
   */
  finder(): (reader: Reader) => number | undefined {
    if (this.isOpen()) throw invalid("the struct", this, "a struct that knows where it ends");
    let walker: Walker | undefined;
    let walk: Walk | undefined;
    return (reader) => {
      if (walker === undefined || walk === undefined || reader.position === 0) {
        walker = new Walker(reader);
        walk = this.walk(walker);
      }
      walker.r = reader;
      try {
        if (!walk.next().done) return undefined;
      } catch (error) {
        walker = undefined;
        throw withPath(error);
      }
      walker = undefined;
      return reader.position;
    };
  }

  /**
   * Returns a framer that cuts a stream into values: `decode` reads its frames.
   * @throws {BufferError} ERR_INVALID_ARGUMENT
   */
  framer<B extends ArrayBufferLike>(
    pool: BytesPool<B>,
    options: CustomFramerOptions,
  ): Framer<Bytes<B>, B> {
    return framerOf(pool, this.finder(), options);
  }

  /** @internal */
  override isOpen(): boolean {
    return this.parts.at(-1)?.field.isOpen() ?? false;
  }

  /** @internal */
  override least(): number {
    return this.parts.reduce((sum, { field }) => sum + field.least(), 0);
  }

  /** @internal */
  override take(r: Reader, end: number): unknown {
    return isTracing ? takeParts(this.parts, r, end) : this.compiled.take(r, end);
  }

  /** @internal */
  override put(w: Writer, value: unknown): void {
    if (isTracing) putParts(this.parts, w, value);
    else this.compiled.put(w, value);
  }

  /** @internal */
  override size(value: unknown, at: number): number {
    return sizeParts(this.parts, value, at);
  }

  /** @internal */
  override *walk(walker: Walker): Walk {
    return yield* walkParts(this.parts, walker);
  }
}

/**
 * Compiles a reader and a writer of objects from a description: the names and fields in the order
 * of their bytes. The type of the values is inferred.
 *
 *     const Message = struct({
 *       id: u32be,
 *       flags: bits(3),
 *       kind: bits(5),
 *       name: utf8Prefixed("u8"),
 *       items: repeated("u16be", struct({ key: varint32, value: f64be })),
 *     });
 *     type Message = Infer<typeof Message>;
 *     Message.write(writer, message);
 *     const message = Message.read(reader); // undefined if bytes are missing
 *
 * @throws {BufferError} ERR_INVALID_ARGUMENT for a wrong description, which names the field
 */
export function struct<const D extends Description>(
  description: D,
  options: StructOptions = {},
): Struct<OutputOf<D>, InputOf<D>> {
  return new Struct<OutputOf<D>, InputOf<D>>(description, options);
}

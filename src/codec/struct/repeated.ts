import { invalid, outOfRange } from "../../buffers/errors.js";
import { malformed, tooLarge } from "../checks.js";
import type { LengthPrefix } from "../fields.js";
import { bytesLeft, fallShort } from "../reader/parts.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { checkElement } from "./description.js";
import { type AnyField, Field, type Infer, type InferInput, type Walk } from "./field.js";
import { checkOptions, type Length, LengthOf, type LengthOptions, type NameOf } from "./lengths.js";
import { isTracing, located } from "./paths.js";

import type { Walker } from "./walker.js";

const WHAT = "the count";

/** @throws {BufferError} ERR_INVALID_ARGUMENT */
function checkList(value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw invalid("the list", value, "an array");
}

/** Elements of one kind, with a count that is known before they begin. */
export class RepeatedField<Out, In, R extends string = never> extends Field<Out, In, R> {
  /** @internal */
  readonly element: AnyField;
  /** @internal */
  readonly length: LengthOf;
  private leastBits: number;

  /** @internal */
  constructor(source: unknown, element: AnyField, options?: LengthOptions) {
    const length = new LengthOf(source, WHAT, options);
    super(length.wants);
    this.element = checkElement(element);
    this.length = length;
    this.leastBits = -1;
    this.adopt([element]);
    if (!this.isLate) this.elementBits();
  }

  /** Returns how many bits an element has at least, which bounds how many can follow. */
  private elementBits(): number {
    if (this.leastBits < 0) {
      const bits = this.element.least();
      const { fixed, maximum } = this.length;
      if (bits === 0 && fixed === undefined && maximum === Infinity) {
        const why = "a maximum, because an element may have no bytes";
        throw invalid("repeated's options", {}, why);
      }
      this.leastBits = bits;
    }
    return this.leastBits;
  }

  override least(): number {
    const { fixed = 0, least } = this.length;
    return least + (fixed === 0 ? 0 : fixed * this.element.least());
  }

  /** @internal Reads how many elements follow; 0 if the bytes that came cannot have so many. */
  count(r: Reader, ref: unknown): number {
    const count = this.length.read(r, ref);
    if (r.lacking > 0) return 0;
    const bits = count * this.elementBits();
    const most = this.length.fixed === undefined ? r.maximum : Infinity;
    if (bits <= 8 * r.remaining && bits <= 8 * most) return count;
    // A begun byte may have bits of the first elements.
    const least = Math.ceil((bits - 7) / 8);
    if (least > most) throw tooLarge("the least length", r.position, least, most);
    if (least <= r.remaining) return count;
    fallShort(r, r.position, least - bytesLeft(r));
    return 0;
  }

  /** @internal Writes how many elements follow. */
  begin(w: Writer, value: unknown, ref: unknown): number {
    checkList(value);
    const { length } = value;
    this.length.write(w, length, ref);
    return length;
  }

  override take(r: Reader, end: number, ref: unknown): unknown {
    const { element } = this;
    const list: unknown[] = [];
    const count = this.count(r, ref);
    const take = isTracing ? undefined : element.compiled?.take;
    try {
      while (list.length < count && r.lacking === 0) {
        list.push(take === undefined ? element.take(r, end, undefined) : take(r, end));
      }
    } catch (error) {
      throw located(error, list.length);
    }
    return list;
  }

  override put(w: Writer, value: unknown, ref: unknown): void {
    const count = this.begin(w, value, ref);
    writeAll(w, this.element, value as readonly unknown[], count);
  }

  override size(value: unknown, at: number): number {
    checkList(value);
    return sizeAll(this.element, value, this.length.size(value.length, at));
  }

  override *walk(walker: Walker, ref: unknown): Walk {
    const count = yield* this.length.walk(walker, ref);
    this.elementBits();
    const { element } = this;
    if (element.fixedBytes > 0 && count > 0) {
      yield* walker.skip(count * element.fixedBytes);
      return undefined;
    }
    for (let index = 0; index < count; index++) yield* element.walk(walker, undefined);
    return undefined;
  }

  override measure(value: unknown): number {
    checkList(value);
    return value.length;
  }
}

export function writeAll(
  w: Writer,
  element: AnyField,
  list: readonly unknown[],
  count: number,
): void {
  const put = isTracing ? undefined : element.compiled?.put;
  let index = 0;
  try {
    for (; index < count; index++) {
      if (put === undefined) element.put(w, list[index], undefined);
      else put(w, list[index]);
    }
  } catch (error) {
    throw located(error, index);
  }
}

export function sizeAll(element: AnyField, list: readonly unknown[], at: number): number {
  let size = at;
  let index = 0;
  try {
    for (; index < list.length; index++) size = element.size(list[index], size, undefined);
  } catch (error) {
    throw located(error, index);
  }
  return size;
}

/** Elements to the end of what is read. */
class UntilEndField<Out, In> extends Field<Out, In> {
  private readonly element: AnyField;
  private readonly maximum: number;

  constructor(element: AnyField, options: LengthOptions) {
    super();
    this.element = checkElement(element);
    this.adopt([element]);
    this.maximum = checkOptions(options);
  }

  override isOpen(): boolean {
    return true;
  }

  override least(): number {
    return 0;
  }

  override take(r: Reader, end: number): unknown {
    const { element, maximum } = this;
    const list: unknown[] = [];
    try {
      while (r.position < end && r.lacking === 0) {
        const { position } = r;
        if (list.length >= maximum) throw tooLarge(WHAT, position, list.length + 1, maximum);
        const value = element.take(r, end, undefined);
        if (r.position === position && r.lacking === 0) {
          throw malformed(position, "an element with bytes");
        }
        list.push(value);
      }
    } catch (error) {
      throw located(error, list.length);
    }
    return list;
  }

  override put(w: Writer, value: unknown): void {
    checkList(value);
    const { length } = value;
    if (length > this.maximum) throw outOfRange(WHAT, length, 0, this.maximum);
    writeAll(w, this.element, value, length);
  }

  override size(value: unknown, at: number): number {
    checkList(value);
    return sizeAll(this.element, value, at);
  }

  // biome-ignore lint/correctness/useYield: a finder refuses what has no end of its own.
  override *walk(): Walk {
    return undefined;
  }
}

/**
 * A list of elements of one kind. `count` is a prefix before them, a number, or `ref("name")` of
 * the field that says it. A count from the wire that the bytes there cannot hold is a short read,
 * and makes no loop. Elements that may have no bytes need `maximum`.
 */
export function repeated<const L extends LengthPrefix | Length, F extends AnyField>(
  count: L,
  field: F,
  options: LengthOptions = {},
): Field<Infer<F>[], readonly InferInput<F>[], NameOf<L>> {
  return new RepeatedField(count, field, options);
}

/** A list of elements to the end of what is read, or of the `sized` field around it. */
export function repeatedUntilEnd<F extends AnyField>(
  field: F,
  options: LengthOptions = {},
): Field<Infer<F>[], readonly InferInput<F>[]> {
  return new UntilEndField(field, options);
}

import { invalid } from "../../buffers/errors.js";
import { checkIntegerOption, tooLarge } from "../checks.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { checkInner } from "./description.js";
import { type AnyField, Field, type Walk } from "./field.js";
import type { Walker } from "./walker.js";

/** How deep the value lies that is read or written now. */
let depth = 0;
const DEPTH = 64;
const DEPTH_MAX = 256;

class LazyField<Out, In> extends Field<Out, In> {
  private readonly resolve: () => unknown;
  private readonly most: number;
  private target: AnyField | undefined;
  private isLooking = false;

  constructor(resolve: () => unknown, most: number) {
    super();
    if (typeof resolve !== "function") throw invalid("lazy", resolve, "a function");
    checkIntegerOption("depth", most, 1, DEPTH_MAX);
    this.resolve = resolve;
    this.most = most;
    this.isLate = true;
    this.mayHold = true;
  }

  private get field(): AnyField {
    if (this.target !== undefined) return this.target;
    const { resolve } = this;
    const field = checkInner("a lazy field", resolve());
    if (field.isSilent || field.isOpen()) {
      throw invalid("a lazy field", field, "a field with a value and an end");
    }
    this.target = field;
    return field;
  }

  /** Looks into the field, unless it is looked into already, because it contains itself. */
  private look(action: (field: AnyField) => number): number {
    if (this.isLooking) return 0;
    this.isLooking = true;
    try {
      return action(this.field);
    } finally {
      this.isLooking = false;
    }
  }

  override least(): number {
    return this.look((field) => field.least());
  }

  private enter(position: number): void {
    if (depth >= this.most) throw tooLarge("the depth", position, depth + 1, this.most);
    depth++;
  }

  override take(r: Reader, end: number): unknown {
    if (r.lacking > 0) return undefined;
    this.enter(r.position);
    try {
      return this.field.take(r, end, undefined);
    } finally {
      depth--;
    }
  }

  override put(w: Writer, value: unknown): void {
    this.enter(w.length);
    try {
      this.field.put(w, value, undefined);
    } finally {
      depth--;
    }
  }

  override size(value: unknown, at: number): number {
    this.enter(at / 8);
    try {
      return this.field.size(value, at, undefined);
    } finally {
      depth--;
    }
  }

  override *walk(walker: Walker): Walk {
    walker.enter(this.most);
    const value = yield* this.field.walk(walker, undefined);
    walker.depth--;
    return value;
  }
}

/**
 * A field that is named before it is made, for values that contain themselves. They may do so up to
 * `depth` times, 64 if it is not given and at most 256; deeper ones are ERR_TOO_LARGE.
 */
export function lazy<Out, In = Out>(
  field: () => Field<Out, In>,
  depth: number = DEPTH,
): Field<Out, In> {
  return new LazyField<Out, In>(field, depth);
}

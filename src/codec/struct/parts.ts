/** The fields of a struct, and how they are read and written without generated code. */
import { invalid } from "../../buffers/errors.js";
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { checkFieldOf } from "./description.js";
import type { AnyField, Kind, Walk } from "./field.js";
import { located } from "./paths.js";
import type { Walker } from "./walker.js";

/** One field of a struct. */
export interface PartOf {
  readonly name: string;
  readonly field: AnyField;
  /** The index of the field that it wants, and of the other one; -1 if there is none. */
  readonly ref: number;
  readonly also: number;
  /** The fields that want it. */
  readonly dependents: PartOf[];
}

export type Values = Record<string, unknown>;

/** Names that every object has: a value has a field of such a name only if it is its own. */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

/** Returns a field of a value that is to be written. */
export function fieldOf(value: object, name: string): unknown {
  if (isInherited(name) && !Object.hasOwn(value, name)) return undefined;
  return (value as Values)[name];
}

/** Sets a field of a value that is read. By assignment, `__proto__` would be its prototype. */
export function setField(target: Values, name: string, value: unknown): void {
  if (name !== "__proto__") target[name] = value;
  else {
    Object.defineProperty(target, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

/** Returns whether an alignment counts from where the struct begins. */
export function needsStart(parts: readonly PartOf[]): boolean {
  return parts.some(({ field }) => field.wantsStart);
}

/** Checks a description. @throws {BufferError} ERR_INVALID_ARGUMENT, which names the field */
export function compileParts(description: object): PartOf[] {
  if (Object.getOwnPropertySymbols(description).length > 0) {
    throw invalid("the description", description, "names that are strings");
  }
  const parts: PartOf[] = [];
  for (const [name, given] of Object.entries(description)) {
    const what = `the field ${JSON.stringify(name)}`;
    // Objects list these before all others, in another order than they were written in.
    if (/^(0|[1-9]\d*)$/.test(name)) throw invalid(what, name, "a name that is no index");
    const last = parts.at(-1);
    if (last?.field.isOpen()) {
      throw invalid(what, given, `nothing: ${JSON.stringify(last.name)} has no end before it`);
    }
    parts.push(toPart(parts, name, checkFieldOf(what, given), what));
  }
  return parts;
}

function toPart(parts: readonly PartOf[], name: string, field: AnyField, what: string): PartOf {
  const [ref = -1, also = -1] = [field.wants, field.wantsAlso].map((wants) => {
    if (wants === undefined) return -1;
    const index = parts.findIndex((part) => part.name === wants);
    if (parts[index]?.field.isSilent === false) return index;
    const refers = `${what}: what it refers to`;
    throw invalid(
      refers,
      wants,
      "the name of a field before it in the same struct, which has a value",
    );
  });
  const part = { name, field, ref, also, dependents: [] };
  parts[ref]?.dependents.push(part);
  parts[also]?.dependents.push(part);
  return part;
}

/** Returns a measure as a value of the field that holds it. */
function toKind(measure: unknown, kind: Kind): unknown {
  if (kind === "bigint") return BigInt(measure as number | boolean);
  return kind === "number" ? Number(measure) : measure;
}

/**
 * Returns a field of a value that is to be written. If it is absent, it is what the fields that
 * want it must have.
 */
export function settle(parts: readonly PartOf[], part: PartOf, value: object): unknown {
  const given = fieldOf(value, part.name);
  if (given !== undefined) return given;
  for (const dependent of part.dependents) {
    const measure = measured(parts, dependent, part.name, value);
    if (measure !== undefined) return toKind(measure, part.field.kind);
  }
  return undefined;
}

function measured(
  parts: readonly PartOf[],
  { name, field, also }: PartOf,
  wanted: string,
  value: object,
): unknown {
  try {
    const other = wanted === field.wants ? wantedOf(parts, also, value, 0) : undefined;
    return field.measure(fieldOf(value, name), wanted, other);
  } catch (error) {
    throw located(error, name);
  }
}

/** Returns what another field says of one that is to be written. */
function wantedOf(parts: readonly PartOf[], ref: number, value: object, start: number): unknown {
  return ref < 0 ? start : settle(parts, parts[ref] as PartOf, value);
}

export function checkValue(value: unknown): asserts value is object {
  if (typeof value !== "object" || value === null) throw invalid("the value", value, "an object");
}

/** Reads one field into the value that is read. */
export function takePart(
  parts: readonly PartOf[],
  { name, field, ref, also }: PartOf,
  r: Reader,
  end: number,
  value: Values,
  start: number,
): void {
  const wanted = ref < 0 ? start : value[(parts[ref] as PartOf).name];
  const other = also < 0 ? undefined : value[(parts[also] as PartOf).name];
  const got = field.take(r, end, wanted, other);
  if (!field.isSilent) setField(value, name, got);
}

/** Writes one field of a value. */
export function putPart(
  parts: readonly PartOf[],
  part: PartOf,
  w: Writer,
  value: object,
  start: number,
): void {
  const { field, ref, also } = part;
  const given = field.isSilent ? undefined : settle(parts, part, value);
  const wanted = wantedOf(parts, ref, value, start);
  field.put(w, given, wanted, wantedOf(parts, also, value, start));
}

/** Reads all fields, one by one. An error says in which it was. */
export function takeParts(parts: readonly PartOf[], r: Reader, end: number): unknown {
  const { position } = r;
  const value: Values = {};
  let name = "";
  try {
    for (const part of parts) {
      name = part.name;
      takePart(parts, part, r, end, value, position);
    }
  } catch (error) {
    throw located(error, name);
  }
  return value;
}

/** Writes all fields, one by one. An error says in which it was. */
export function putParts(parts: readonly PartOf[], w: Writer, value: unknown): void {
  checkValue(value);
  const { length } = w;
  // An error of what is computed knows its place.
  let name: string | undefined;
  try {
    for (const part of parts) {
      const { field, ref, also } = part;
      name = undefined;
      const given = field.isSilent ? undefined : settle(parts, part, value);
      const wanted = wantedOf(parts, ref, value, length);
      const other = wantedOf(parts, also, value, length);
      name = part.name;
      field.put(w, given, wanted, other);
    }
  } catch (error) {
    throw name === undefined ? error : located(error, name);
  }
}

export function sizeParts(parts: readonly PartOf[], value: unknown, at: number): number {
  checkValue(value);
  const start = Math.ceil(at / 8);
  const values: unknown[] = [];
  let size = at;
  for (const part of parts)
    values.push(part.field.isSilent ? undefined : settle(parts, part, value));
  let index = 0;
  try {
    for (const { field, ref, also } of parts) {
      size = field.size(values[index], size, ref < 0 ? start : values[ref], values[also]);
      index++;
    }
  } catch (error) {
    throw located(error, (parts[index] as PartOf).name);
  }
  return size;
}

export function* walkParts(parts: readonly PartOf[], walker: Walker): Walk {
  const start = walker.r.position;
  const values: unknown[] = [];
  let index = 0;
  try {
    for (const { field, ref, also, dependents } of parts) {
      const wanted = ref < 0 ? start : values[ref];
      const isWanted = dependents.length > 0;
      values.push(yield* field[isWanted ? "find" : "walk"](walker, wanted, values[also]));
      index++;
    }
  } catch (error) {
    throw located(error, (parts[index] as PartOf).name);
  }
  return undefined;
}

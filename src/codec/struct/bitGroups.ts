/** Bit fields that share one byte are read and written at once, without generated code. */
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { BitsField } from "./numbers.js";
import { isInherited, type PartOf } from "./parts.js";

/** How one field of a group is read and written, after those before it. */
export interface Grouped {
  readonly take: (r: Reader) => unknown;
  readonly put: (w: Writer, value: unknown) => void;
}

/** The byte that the fields of a group share; -1 if it is read or written bit by bit. */
interface Shared {
  byte: number;
}

/** Returns the groups of successive bit fields that make up one byte. */
export function groupBits(parts: readonly PartOf[]): ReadonlyMap<PartOf, Grouped> {
  const grouped = new Map<PartOf, Grouped>();
  let group: PartOf[] = [];
  let bits = 0;
  for (const part of parts) {
    const { name, field, dependents } = part;
    const isBits = field instanceof BitsField && dependents.length === 0 && !isInherited(name);
    bits += isBits ? field.count : 9;
    if (bits <= 8) group.push(part);
    else [group, bits] = isBits && field.count <= 8 ? [[part], field.count] : [[], 0];
    if (bits !== 8) continue;
    share(group, grouped);
    [group, bits] = [[], 0];
  }
  return grouped;
}

function share(group: readonly PartOf[], grouped: Map<PartOf, Grouped>): void {
  const shared: Shared = { byte: -1 };
  let left = 8;
  for (const part of group) {
    const field = part.field as BitsField;
    const isFirst = left === 8;
    left -= field.count;
    const take = takeOf(field, shared, left);
    const put = putOf(field, shared, left);
    grouped.set(part, isFirst ? firstOf(shared, take, put) : { take, put });
  }
}

function firstOf(shared: Shared, take: Grouped["take"], put: Grouped["put"]): Grouped {
  return {
    take(r) {
      const isFresh = r.at < r.end && (r.bitsLeft === 0 || r.bitAt !== r.at);
      shared.byte = isFresh ? r.u8() : -1;
      return take(r);
    },
    put(w, value) {
      shared.byte = w.at < w.limit && (w.bitsFree === 0 || w.bitAt !== w.at) ? 0 : -1;
      put(w, value);
    },
  };
}

function takeOf(field: BitsField, shared: Shared, shift: number): Grouped["take"] {
  const mask = 2 ** field.count - 1;
  if (field.isFlag) {
    return (r) => (shared.byte < 0 ? r.bits(1) : (shared.byte >> shift) & 1) === 1;
  }
  return (r) => (shared.byte < 0 ? r.bits(field.count) : (shared.byte >> shift) & mask);
}

/** A value that the field does not take is refused by the method, which knows what to say. */
function putOf(field: BitsField, shared: Shared, shift: number): Grouped["put"] {
  const mask = 2 ** field.count - 1;
  const { isFlag } = field;
  return (w, value) => {
    const number = isFlag ? (typeof value === "boolean" ? Number(value) : undefined) : value;
    if (shared.byte < 0 || typeof number !== "number" || (number & mask) !== number) {
      field.put(w, value);
      return;
    }
    shared.byte |= number << shift;
    if (shift === 0) w.u8(shared.byte);
  };
}

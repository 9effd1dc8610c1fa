/**
 * Structs without generated code: a chain of functions, one for each field. Each does its own and
 * calls the next.
 *
 * V8 keeps what it has learnt of a function, such as the name that it sets and the function that it
 * calls, by the place in the source where it was written. All functions that were made at one place
 * share that, and if they differ, V8 looks up everything each time: a message takes twice as long
 * then. So the function is written here many times, and each field of a program takes a place of
 * its own while there are some.
 */
import type { Reader } from "../reader/reader.js";
import type { Writer } from "../writer/writer.js";
import { type Grouped, groupBits } from "./bitGroups.js";
import type { Compiled } from "./field.js";
import {
  checkValue,
  isInherited,
  needsStart,
  type PartOf,
  putPart,
  putParts,
  setField,
  settle,
  takePart,
  takeParts,
  type Values,
} from "./parts.js";

type Take = (r: Reader, end: number, value: Values) => unknown;
type Put = (w: Writer, value: Values) => void;

interface Taker {
  readonly name: string;
  readonly take: Take;
  readonly next: Take;
}

interface Putter {
  readonly name: string;
  readonly put: (w: Writer, own: unknown, value: Values) => void;
  readonly next: Put;
}

interface Link {
  readonly take: Take;
  readonly put: Put;
}

// biome-ignore format: a line for each place
const TAKE_PLACES: readonly ((k: Taker) => Take)[] = [
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
  (k) => (r, e, o) => { o[k.name] = k.take(r, e, o); return k.next(r, e, o); },
];

// biome-ignore format: a line for each place
const PUT_PLACES: readonly ((k: Putter) => Put)[] = [
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
  (k) => (w, v) => { k.put(w, v[k.name], v); k.next(w, v); },
];

let taken = 0;

/** Returns a place for one field. The last one is for all that come too late. */
function nextPlace(): number {
  return Math.min(taken++, TAKE_PLACES.length - 1);
}

/** Longer chains would take much of the stack. */
const CHAIN_MAX = 8;

const takeNothing: Take = (_r, _end, value) => value;
const putNothing: Put = () => {};

function takerOf(parts: readonly PartOf[], { field, ref, also }: PartOf): Take {
  if (field.reads !== undefined) return field.reads;
  const wanted = parts[ref]?.name;
  if (wanted === undefined) return (r, end) => field.take(r, end, undefined);
  const other = parts[also]?.name ?? wanted;
  return (r, end, value) => field.take(r, end, value[wanted], value[other]);
}

function putterOf(parts: readonly PartOf[], part: PartOf): Putter["put"] {
  const { field, ref, dependents } = part;
  if (ref >= 0) return (w, _own, value) => putPart(parts, part, w, value, 0);
  if (dependents.length > 0) {
    return (w, own, value) => field.put(w, own ?? settle(parts, part, value), undefined);
  }
  return field.writes ?? ((w, own) => field.put(w, own, undefined));
}

/** Puts a field before others. One without a value, or with a name of all objects, is rare. */
function link(
  parts: readonly PartOf[],
  groups: ReadonlyMap<PartOf, Grouped>,
  part: PartOf,
  next: Link,
): Link {
  const { name, field } = part;
  const grouped = groups.get(part);
  if (field.isSilent || isInherited(name)) {
    return {
      take(r, end, value) {
        takePart(parts, part, r, end, value, 0);
        return next.take(r, end, value);
      },
      put(w, value) {
        putPart(parts, part, w, value, 0);
        next.put(w, value);
      },
    };
  }
  const place = nextPlace();
  const take = TAKE_PLACES[place] as (typeof TAKE_PLACES)[number];
  const put = PUT_PLACES[place] as (typeof PUT_PLACES)[number];
  return {
    take: take({ name, take: grouped?.take ?? takerOf(parts, part), next: next.take }),
    put: put({ name, put: grouped?.put ?? putterOf(parts, part), next: next.put }),
  };
}

/** Makes the chains of a struct. */
export function chain(parts: readonly PartOf[]): Compiled {
  const example: Values = {};
  for (const { name, field } of parts) if (!field.isSilent) setField(example, name, undefined);
  if (needsStart(parts)) {
    return {
      example,
      take: (r, end) => takeParts(parts, r, end),
      put: (w, value) => putParts(parts, w, value),
    };
  }
  const links: Link[] = [];
  const groups = groupBits(parts);
  for (let start = 0; start < Math.max(1, parts.length); start += CHAIN_MAX) {
    const some = parts.slice(start, start + CHAIN_MAX);
    const end: Link = { take: takeNothing, put: putNothing };
    links.push(some.reduceRight((next, part) => link(parts, groups, part, next), end));
  }
  const [{ take, put } = { take: takeNothing, put: putNothing }, ...others] = links;
  const takes = others.map((other) => other.take);
  const puts = others.map((other) => other.put);
  return {
    example,
    take(r, end) {
      const value: Values = {};
      take(r, end, value);
      for (const each of takes) each(r, end, value);
      return value;
    },
    put(w, value) {
      checkValue(value);
      put(w, value as Values);
      for (const each of puts) each(w, value as Values);
    },
  };
}

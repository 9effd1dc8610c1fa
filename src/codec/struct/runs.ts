/**
 * Runs of fields of fixed width. Where all of their bytes lie in one part, they are read and
 * written at once, at known distances from `at`; else, and if a value is not what its field takes,
 * one by one by the methods, which know what to do and what to say.
 */
import type { AnyField } from "./field.js";
import { BitsField, NumberField } from "./numbers.js";

/** A field of a run, and where it begins, in bits. */
interface Placed {
  readonly index: number;
  readonly field: NumberField | BitsField;
  readonly at: number;
}

/** Successive fields; `placed` is empty for one that is no part of a run. */
export interface Run {
  readonly indices: readonly number[];
  readonly placed: readonly Placed[];
  readonly bits: number;
}

/** A field of bits that lies in more bytes than these is read by the method. */
const SPAN_MAX = 4;

/** Returns where a field begins after `at` bits of a run, or -1 if it can be in none. */
function place(field: AnyField, at: number): number {
  if (field instanceof NumberField) return field.bytes === undefined ? -1 : Math.ceil(at / 8) * 8;
  if (!(field instanceof BitsField)) return -1;
  const last = at + field.count - 1;
  return (last >> 3) - (at >> 3) < SPAN_MAX ? at : -1;
}

function widthOf(field: NumberField | BitsField): number {
  return field instanceof BitsField ? field.count : 8 * (field.bytes as number);
}

/** Cuts the fields of a struct into runs. */
export function runsOf(fields: readonly AnyField[]): Run[] {
  const runs: Run[] = [];
  let placed: Placed[] = [];
  let bits = 0;
  const end = (): void => {
    if (placed.length > 0) runs.push(runOf(placed, bits));
    placed = [];
    bits = 0;
  };
  fields.forEach((field, index) => {
    const at = place(field, bits);
    if (at < 0) {
      end();
      runs.push({ indices: [index], placed: [], bits: 0 });
      return;
    }
    const direct = field as NumberField | BitsField;
    placed.push({ index, field: direct, at });
    bits = at + widthOf(direct);
  });
  end();
  return runs;
}

function runOf(placed: readonly Placed[], bits: number): Run {
  const indices = placed.map(({ index }) => index);
  // One number is read by its method as fast.
  return placed.length < 2 ? { indices, placed: [], bits: 0 } : { indices, placed, bits };
}

/** How a number of fixed width is called by `DataView`. */
function viewOf(name: string): { method: string; little: string; bits: number; kind: string } {
  const [, kind = "", width = "", end] = /^([uif])(\d+)(le|be)?$/.exec(name) ?? [];
  const bits = Number(width);
  const type = { u: "Uint", i: "Int", f: "Float" }[kind] as string;
  const method = `${bits === 64 && kind !== "f" ? "Big" : ""}${type}${width}`;
  return { method, little: end === "le" ? ", true" : "", bits, kind };
}

const byteAt = (offset: number): string => (offset === 0 ? "at" : `at + ${offset}`);

/** Returns an expression that reads a number. */
function takeNumber(name: string, offset: number): string {
  const { method, little, bits, kind } = viewOf(name);
  if (name === "u8") return `u[${byteAt(offset)}]`;
  if (bits !== 24) return `d.get${method}(${byteAt(offset)}${little})`;
  const [low, high] = little === "" ? [1, 0] : [0, 2];
  const pair = `d.getUint16(${byteAt(offset + low)}${little})`;
  const whole = `(u[${byteAt(offset + high)}] << 16 | ${pair})`;
  return kind === "i" ? `${whole} << 8 >> 8` : whole;
}

/** Returns an expression that reads bits. */
function takeBits({ count, isFlag }: BitsField, at: number): string {
  const first = at >> 3;
  const last = (at + count - 1) >> 3;
  const bytes: string[] = [];
  for (let byte = first; byte <= last; byte++) {
    bytes.push(byte === last ? `u[${byteAt(byte)}]` : `u[${byteAt(byte)}] << ${8 * (last - byte)}`);
  }
  const shift = 8 * (last + 1) - (at + count);
  const shifted = `(${bytes.join(" | ")}) >>> ${shift}`;
  if (isFlag) return `(${shifted} & 1) === 1`;
  return count === 32 ? shifted : `${shifted} & ${2 ** count - 1}`;
}

const bytesOf = (run: Run): number => Math.ceil(run.bits / 8);

/** A run may only begin at a whole byte. */
function isFresh({ placed }: Run, name: "r.bitsLeft" | "w.bitsFree"): string {
  const owner = name.slice(0, 1);
  return placed[0]?.field instanceof BitsField
    ? ` && (${name} === 0 || ${owner}.bitAt !== ${owner}.at)`
    : "";
}

/** Returns statements that read a run. `single` are those that read its fields one by one. */
export function takeRun(run: Run, single: readonly string[]): string {
  if (run.placed.length === 0) return single.join("\n");
  const bytes = bytesOf(run);
  const lines = run.placed.map(({ index, field, at }) => {
    const value = field instanceof BitsField ? takeBits(field, at) : takeNumber(field.name, at / 8);
    return `a${index} = ${value};`;
  });
  const spare = 8 * bytes - run.bits;
  if (spare > 0) {
    lines.push(`r.bitByte = u[${byteAt(bytes - 1)}]; r.bitsLeft = ${spare};`);
    lines.push(`r.bitAt = at + ${bytes};`);
  }
  return `if (r.at + ${bytes} <= r.end${isFresh(run, "r.bitsLeft")}) {
const at = r.at, d = r.data, u = r.raw;
${lines.join("\n")}
r.at = at + ${bytes};
} else {
${single.join("\n")}
}`;
}

/** Returns a condition that a field takes a value, as the writer's methods ask. */
function takes(field: NumberField | BitsField, value: string): string {
  if (field instanceof BitsField) {
    if (field.isFlag) return `typeof ${value} === "boolean"`;
    const { count } = field;
    const cut = count === 32 ? `${value} >>> 0` : `(${value} & ${2 ** count - 1})`;
    return `typeof ${value} === "number" && ${cut} === ${value}`;
  }
  const { bits, kind } = viewOf(field.name);
  if (kind === "f") return `typeof ${value} === "number"`;
  if (bits === 64) {
    const cut = `BigInt.as${kind === "u" ? "Uint" : "Int"}N(64, ${value})`;
    return `typeof ${value} === "bigint" && ${cut} === ${value}`;
  }
  const shift = 32 - bits;
  const cut =
    kind === "u" ? `${value} << ${shift} >>> ${shift}` : `${value} << ${shift} >> ${shift}`;
  return `typeof ${value} === "number" && ${cut} === ${value}`;
}

/** Returns statements that write a number. */
function putNumber(name: string, offset: number, value: string): string {
  const { method, little, bits } = viewOf(name);
  if (name === "u8") return `u[${byteAt(offset)}] = ${value};`;
  const isLittle = little !== "";
  if (bits === 24) {
    return `d.setUint16(${byteAt(offset + (isLittle ? 0 : 1))}, ${value} & 65535${little});
u[${byteAt(offset + (isLittle ? 2 : 0))}] = ${value} >>> 16;`;
  }
  if (!method.startsWith("Big")) return `d.set${method}(${byteAt(offset)}, ${value}${little});`;
  // As words, for the reason that words.ts gives.
  return `u64[0] = ${value};
d.setUint32(${byteAt(offset + (isLittle ? 0 : 4))}, low32[0]${little});
d.setUint32(${byteAt(offset + (isLittle ? 4 : 0))}, high32[0]${little});`;
}

/** Returns statements that write the bytes of successive bits. */
function putBits(group: readonly Placed[]): string[] {
  const bytes = new Map<number, string[]>();
  for (const { index, field, at } of group) {
    const { count, isFlag } = field as BitsField;
    const value = isFlag ? `(a${index} ? 1 : 0)` : `a${index}`;
    for (let byte = at >> 3; byte <= (at + count - 1) >> 3; byte++) {
      const shift = at + count - 8 * (byte + 1);
      const piece =
        shift === 0 ? value : shift > 0 ? `${value} >>> ${shift}` : `${value} << ${-shift}`;
      bytes.set(byte, [...(bytes.get(byte) ?? []), piece]);
    }
  }
  return [...bytes].map(([byte, pieces]) => `u[${byteAt(byte)}] = ${pieces.join(" | ")};`);
}

/** Returns statements that write a run. `single` are those that write its fields one by one. */
export function putRun(run: Run, single: readonly string[]): string {
  if (run.placed.length === 0) return single.join("\n");
  const bytes = bytesOf(run);
  const checks = run.placed.map(({ index, field }) => takes(field, `a${index}`));
  const lines = run.placed.flatMap(({ index, field, at }) =>
    field instanceof BitsField ? [] : [putNumber(field.name, at / 8, `a${index}`)],
  );
  lines.push(...putBits(run.placed.filter(({ field }) => field instanceof BitsField)));
  const spare = 8 * bytes - run.bits;
  if (spare > 0) lines.push(`w.bitsFree = ${spare}; w.bitAt = at + ${bytes};`);
  return `if (w.at + ${bytes} <= w.limit${isFresh(run, "w.bitsFree")} &&
${checks.join(" &&\n")}) {
const at = w.at, d = w.data, u = w.raw;
${lines.join("\n")}
w.at = at + ${bytes};
} else {
${single.join("\n")}
}`;
}

/**
 * Writes the code of a struct's reader and writer. It does what `takeParts` and `putParts` do, in
 * one straight line: runs of fields of fixed width ask for room once, lists are loops, and all else
 * is a call of a method or of a field.
 *
 * Names and values of a description never become code but as JSON: the code names fields by their
 * numbers.
 */
import { high32, low32, u64 } from "../words.js";
import type { AnyField, Compiled } from "./field.js";
import { writeFlag } from "./numbers.js";
import { checkValue, fieldOf, isInherited, needsStart, type PartOf, settle } from "./parts.js";
import { RepeatedField } from "./repeated.js";
import { putRun, type Run, runsOf, takeRun } from "./runs.js";

type Maker = (k: object) => Compiled;

/** Set where a policy forbids to make code, for example the Content-Security-Policy of a page. */
let isForbidden = false;

function compile(body: string): Maker | undefined {
  if (isForbidden) return undefined;
  try {
    return new Function("k", body) as Maker;
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    isForbidden = true;
    return undefined;
  }
}

/** Returns a reader and a writer in generated code, or undefined where that is forbidden. */
export function generate(parts: readonly PartOf[]): Compiled | undefined {
  const maker = compile(sourceOf(parts));
  if (maker === undefined) return undefined;
  const fields = parts.map(({ field }) => field);
  const elements = fields.map((field) =>
    field instanceof RepeatedField ? field.element : undefined,
  );
  const compiled = fields.map((field, index) => (elements[index] ?? field).compiled);
  const runtime = { checkValue, fieldOf, settle, writeFlag, high32, low32, u64 };
  return maker({ ...runtime, parts, fields, elements, compiled });
}

function sourceOf(parts: readonly PartOf[]): string {
  const runs = runsOf(parts.map(({ field }) => field));
  const constants = parts.flatMap(({ field }, index) => [
    `const f${index} = k.fields[${index}], e${index} = k.elements[${index}];`,
    field instanceof RepeatedField || field.compiled !== undefined
      ? `const c${index} = k.compiled[${index}];`
      : "",
  ]);
  return `"use strict";
const { checkValue, fieldOf, settle, writeFlag, high32, low32, u64, parts } = k;
${constants.filter((line) => line !== "").join("\n")}
return {
example: ${objectOf(parts, () => "undefined")},
take(r, end) {
${takeSource(parts, runs)}
},
put(w, v) {
${putSource(parts, runs)}
} };`;
}

function refOf(part: PartOf): string {
  if (part.field.wantsStart) return "start";
  const also = part.also < 0 ? "" : `, a${part.also}`;
  return part.ref < 0 ? "undefined" : `a${part.ref}${also}`;
}

function takeSource(parts: readonly PartOf[], runs: readonly Run[]): string {
  const locals = parts.map((_, index) => `a${index}`);
  const lines = [needsStart(parts) ? "const start = r.position;" : ""];
  if (locals.length > 0) lines.push(`let ${locals.join(", ")};`);
  for (const run of runs) {
    const single = run.indices.map((index) => takePart(parts[index] as PartOf, index));
    lines.push(takeRun(run, single));
  }
  lines.push(`return ${objectOf(parts, (index) => `a${index}`)};`);
  return lines.filter((line) => line !== "").join("\n");
}

/** Returns an object with a field for each part that has a value. */
function objectOf(parts: readonly PartOf[], value: (index: number) => string): string {
  const members = parts.flatMap(({ name, field }, index) => {
    if (field.isSilent) return [];
    const key = JSON.stringify(name);
    // Only as a computed name it is no prototype.
    return [`${name === "__proto__" ? `[${key}]` : key}: ${value(index)}`];
  });
  return `{ ${members.join(", ")} }`;
}

/** Reads one field, wherever its bytes lie. */
function takePart(part: PartOf, index: number): string {
  const { field } = part;
  const target = field.isSilent ? "" : `a${index} = `;
  if (!(field instanceof RepeatedField)) {
    return `${target}${takeOne(field, index, "f", refOf(part))};`;
  }
  const one = takeOne(field.element, index, "e", "undefined");
  return `{ const n = f${index}.count(r, ${refOf(part)}), l = [];
for (let i = 0; i < n && r.lacking === 0; i++) l.push(${one});
a${index} = l; }`;
}

function takeOne(field: AnyField, index: number, name: "f" | "e", ref: string): string {
  if (field.code !== undefined) return field.code.read;
  if (field.compiled !== undefined) return `c${index}.take(r, end)`;
  return `${name}${index}.take(r, end, ${ref})`;
}

function putSource(parts: readonly PartOf[], runs: readonly Run[]): string {
  const lines = ['if (typeof v !== "object" || v === null) checkValue(v);'];
  if (needsStart(parts)) lines.push("const start = w.length;");
  parts.forEach(({ name, field, dependents }, index) => {
    if (field.isSilent) return;
    const key = JSON.stringify(name);
    lines.push(`let a${index} = ${isInherited(name) ? `fieldOf(v, ${key})` : `v[${key}]`};`);
    if (dependents.length === 0) return;
    lines.push(`if (a${index} === undefined) a${index} = settle(parts, parts[${index}], v);`);
  });
  for (const run of runs) {
    const single = run.indices.map((index) => putPart(parts[index] as PartOf, index));
    lines.push(putRun(run, single));
  }
  return lines.join("\n");
}

/** Writes one field, wherever there is room. */
function putPart(part: PartOf, index: number): string {
  const { field } = part;
  const value = field.isSilent ? "undefined" : `a${index}`;
  if (!(field instanceof RepeatedField)) {
    return `${putOne(field, index, "f", value, refOf(part))};`;
  }
  const one = putOne(field.element, index, "e", `a${index}[i]`, "undefined");
  return `{ const n = f${index}.begin(w, a${index}, ${refOf(part)});
for (let i = 0; i < n; i++) ${one}; }`;
}

function putOne(
  field: AnyField,
  index: number,
  name: "f" | "e",
  value: string,
  ref: string,
): string {
  if (field.code !== undefined) return field.code.write(value);
  if (field.compiled !== undefined) return `c${index}.put(w, ${value})`;
  return `${name}${index}.put(w, ${value}, ${ref})`;
}

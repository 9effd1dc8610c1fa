/* Makes the mutants of a source file: copies that differ from it by one small change each. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst } from "vitest/node";
import { type Edit, editsOf, type Node } from "./operators.js";

export const FOLDERS: readonly string[] = ["front", "layout", "central", "heap"];

export interface Mutant {
  /** The same as long as the changed lines and the name of their function are. */
  readonly id: string;
  readonly file: string;
  /** The function that holds the change; empty at the top of a module. */
  readonly within: string;
  readonly operator: string;
  readonly line: number;
  /** The changed lines, without indentation. */
  readonly before: string;
  readonly after: string;
  readonly edit: Edit;
}

/** What has an expression beneath it and is a type apart from that. */
const CASTS = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression"]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** Returns whether a change of a node would change what the program does. */
function isCode(node: Node): boolean {
  const call = node.type === "ExpressionStatement" ? (node.expression as Node) : node;
  if (call.type === "CallExpression" && (call.callee as Node).name === "staticAssert") return false;
  return node.type !== "ImportDeclaration" && (!node.type.startsWith("TS") || CASTS.has(node.type));
}

function visit(node: Node, parents: readonly Node[], see: (n: Node, p: readonly Node[]) => void) {
  if (!isCode(node)) return;
  see(node, parents);
  const inner = [...parents, node];
  for (const child of Object.values(node).flat()) if (isNode(child)) visit(child, inner, see);
}

function nameOf(node: Node): string | undefined {
  const name = (node.id ?? node.key) as Node | null | undefined;
  const value = (node.value ?? node.init) as Node | null | undefined;
  const isFunction = /Function/.test(node.type) || /Function/.test(value?.type ?? "");
  return isFunction && isNode(name) ? (name.name as string | undefined) : undefined;
}

function nameOfPlace(parents: readonly Node[]): string {
  return parents
    .map(nameOf)
    .filter((name) => name !== undefined)
    .join(".");
}

export function apply(code: string, { start, end, text }: Edit): string {
  return code.slice(0, start) + text + code.slice(end);
}

function flatten(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

/** Returns the mutants of a file's code, in the order of the code. */
export function mutantsOf(file: string, code: string): Mutant[] {
  const mutants: Mutant[] = [];
  const times = new Map<string, number>();
  visit(parseAst(code, { lang: "ts" }) as unknown as Node, [], (node, parents) => {
    for (const edit of editsOf(node, { code, parents })) {
      const start = code.lastIndexOf("\n", edit.start - 1) + 1;
      const end = `${code}\n`.indexOf("\n", edit.end);
      const before = flatten(code.slice(start, end));
      const after = flatten(code.slice(start, edit.start) + edit.text + code.slice(edit.end, end));
      const within = nameOfPlace(parents);
      const key = [file, within, edit.operator, before, after].join("\n");
      const nth = times.get(key) ?? 0;
      times.set(key, nth + 1);
      const hash = createHash("sha1").update(`${key}\n${nth}`).digest("hex").slice(0, 8);
      const id = `${file.replace(/^src\/|\.ts$/g, "")}:${hash}`;
      const line = code.slice(0, edit.start).split("\n").length;
      mutants.push({ id, file, within, operator: edit.operator, line, before, after, edit });
    }
  });
  return mutants;
}

/** Returns all mutants of a folder of `src`, in the order that a seed gives. */
export function mutantsOfFolder(folder: string, seed: number): Mutant[] {
  const mutants = readdirSync(join("src", folder))
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .flatMap((name) => {
      const file = `src/${folder}/${name}`;
      return mutantsOf(file, readFileSync(file, "utf8"));
    });
  // By hashes, so that a change of one file does not change which mutants a sample takes of others.
  const rank = ({ id }: Mutant): string => createHash("sha1").update(`${seed} ${id}`).digest("hex");
  return mutants
    .map((mutant) => ({ mutant, rank: rank(mutant) }))
    .sort((left, right) => (left.rank < right.rank ? -1 : 1))
    .map(({ mutant }) => mutant);
}

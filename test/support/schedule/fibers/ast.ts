/* What transform.ts needs to know about a syntax tree. */

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

export function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) => {
    if (Array.isArray(value)) return value.filter(isNode);
    return isNode(value) ? [value] : [];
  });
}

export function isFunction({ type }: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type);
}

export function textOf(node: unknown): string {
  return isNode(node) && node.type === "Identifier" ? (node.name as string) : "";
}

/** Returns the name of a class; the bundler calls it `_Heap` within itself. */
export function classNameOf(node: unknown): string {
  const name = textOf(node).replace(/^_/, "");
  return /^[A-Z]/.test(name) ? name : "";
}

/**
 * Returns the name of the function that is called: `f` for `f()` and for `a.b.f()`, and `Heap.f`
 * for the static method.
 */
export function calleeOf(call: Node): string {
  const callee = call.callee as Node;
  if (callee.type !== "MemberExpression") return textOf(callee);
  if (callee.computed === true) return "";
  const owner = classNameOf(callee.object);
  return `${owner === "" ? "" : `${owner}.`}${textOf(callee.property)}`;
}

/** Returns the names that a pattern declares. */
export function namesOf(pattern: Node): string[] {
  if (pattern.type === "Identifier") return [pattern.name as string];
  if (pattern.type === "Property") return namesOf(pattern.value as Node);
  if (pattern.type === "AssignmentPattern") return namesOf(pattern.left as Node);
  return childrenOf(pattern).flatMap(namesOf);
}

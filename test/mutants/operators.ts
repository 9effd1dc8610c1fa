/* What is changed in a piece of code, one change for each mutant. */

/** A node of the syntax tree that `parseAst` returns. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A change of the text from `start` to `end`. */
export interface Edit {
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Where a node stands: its parents, the nearest last. */
export interface Place {
  readonly code: string;
  readonly parents: readonly Node[];
}

const BINARY: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&": ["|"],
  "|": ["&"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "&&": ["||"],
  "||": ["&&"],
};
const ASSIGNMENT: Readonly<Record<string, string>> = {
  "+=": "-=",
  "-=": "+=",
  "|=": "&=",
  "&=": "|=",
};
const FIRST_FIELDS = new Set([
  "cachedBlock.LINK",
  "classCounters.REFILLS",
  "classRecord.PARTIAL_HEAD",
  "heapCounters.DRAINS",
  "slabRecord.KIND",
  "superblock.MAGIC",
  "workerSlot.STATE",
]);
const COMPARISONS = new Set(["<", "<=", ">", ">=", "===", "!=="]);
const TESTED = new Set(["IfStatement", "ConditionalExpression", "WhileStatement"]);
const REMOVED = new Set([
  "AssignmentExpression",
  "UpdateExpression",
  "YieldExpression",
  "AwaitExpression",
]);
const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

function isComparison(node: Node): boolean {
  return node.type === "BinaryExpression" && COMPARISONS.has(node.operator as string);
}

function isBoolean(node: Node): boolean {
  return node.type === "Literal" && typeof node.value === "boolean";
}

/** Returns whether a part of an expression is text: a message, which no test compares. */
function isText(node: Node): boolean {
  if (node.type === "TemplateLiteral") return true;
  if (node.type === "Literal") return typeof node.value === "string";
  if (node.type !== "BinaryExpression" || node.operator !== "+") return false;
  return isText(node.left as Node) || isText(node.right as Node);
}

/** Returns whether an operand is a record's first field, 0, so that `-` does what `+` does. */
function isFirstField(node: Node, code: string): boolean {
  return FIRST_FIELDS.has(code.slice(node.start, node.end));
}

function replaceOperator(node: Node, code: string): Edit[] {
  const { left, right } = node as unknown as { left: Node; right: Node };
  const operator = node.operator as string;
  if (operator === "+" && (isText(node) || isFirstField(right, code))) return [];
  const start = code.indexOf(operator, left.end);
  if (start < 0 || start >= right.start) return [];
  const names = node.type === "AssignmentExpression" ? [ASSIGNMENT[operator]] : BINARY[operator];
  return (names ?? [])
    .filter((name) => name !== undefined)
    .map((text) => ({
      operator: `${operator} to ${text}`,
      start,
      end: start + operator.length,
      text,
    }));
}

function dropUnary(node: Node, code: string): Edit[] {
  const { start, end } = node;
  const operator = node.operator as string;
  if (!["~", "!", "-"].includes(operator)) return [];
  return [{ operator: `${operator} dropped`, start, end, text: code.slice(start + 1, end) }];
}

function exchangeLiteral(node: Node): Edit[] {
  const { start, end, value } = node;
  if (isBoolean(node)) {
    return [{ operator: `${value} to ${!value}`, start, end, text: String(!value) }];
  }
  if (value !== 0 && value !== 1) return [];
  return [{ operator: `${value} to ${1 - value}`, start, end, text: String(1 - value) }];
}

function negate(node: Node, code: string, operator: string): Edit[] {
  if (isComparison(node) || isBoolean(node)) return [];
  if (node.type === "UnaryExpression" && node.operator === "!") return [];
  const { start, end } = node;
  return [{ operator, start, end, text: `!(${code.slice(start, end)})` }];
}

function isRemovable(expression: Node): boolean {
  if (expression.type !== "CallExpression") return REMOVED.has(expression.type);
  return (expression.callee as Node).type !== "Super";
}

function remove({ start, end }: Node): Edit[] {
  return [{ operator: "statement removed", start, end, text: ";" }];
}

function returnsBoolean(parents: readonly Node[]): boolean {
  const inner = parents.findLast(({ type }) => FUNCTIONS.has(type));
  const annotation = (inner?.returnType as Node | undefined)?.typeAnnotation as Node | undefined;
  return annotation?.type === "TSBooleanKeyword" || annotation?.type === "TSTypePredicate";
}

/** A return within an `if` is an early exit; the last one of a function is not. */
function isEarly(parents: readonly Node[]): boolean {
  const [above, parent] = parents.slice(-2);
  return parent?.type === "IfStatement" || above?.type === "IfStatement";
}

function changeReturn(node: Node, { code, parents }: Place): Edit[] {
  const argument = node.argument as Node | null;
  const removed = argument === null || isEarly(parents) ? remove(node) : [];
  if (argument === null || !returnsBoolean(parents)) return removed;
  return [...removed, ...negate(argument, code, "result negated")];
}

function changeBody(node: Node, { code, parents }: Place): Edit[] {
  const body = node.body as Node;
  if (node.expression !== true || !returnsBoolean([...parents, node])) return [];
  return negate(body, code, "result negated");
}

/** Returns the changes of one node, without those of the nodes in it. */
export function editsOf(node: Node, place: Place): Edit[] {
  const edits: Edit[] = [];
  if (TESTED.has(node.type)) {
    edits.push(...negate(node.test as Node, place.code, "condition negated"));
  }
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression":
    case "AssignmentExpression":
      edits.push(...replaceOperator(node, place.code));
      break;
    case "UnaryExpression":
      edits.push(...dropUnary(node, place.code));
      break;
    case "UpdateExpression": {
      const { start, end, operator } = node;
      const other = operator === "++" ? "--" : "++";
      const text = place.code.slice(start, end).replace(operator as string, other);
      edits.push({ operator: `${operator} to ${other}`, start, end, text });
      break;
    }
    case "Literal":
      edits.push(...exchangeLiteral(node));
      break;
    case "ExpressionStatement":
      if (isRemovable(node.expression as Node)) edits.push(...remove(node));
      break;
    case "ContinueStatement":
    case "BreakStatement":
    case "ThrowStatement":
      edits.push(...remove(node));
      break;
    case "ReturnStatement":
      edits.push(...changeReturn(node, place));
      break;
    case "ArrowFunctionExpression":
      edits.push(...changeBody(node, place));
      break;
  }
  return edits;
}

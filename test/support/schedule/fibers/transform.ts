import { parseAst } from "vitest/node";

/*
 * Makes fibers of synchronous code: every function that can reach an operation of `sync` becomes a
 * generator, every call of one `yield*`, and every operation a `yield`, after which its result is
 * there. A read of the clock is an operation too. Functions are told apart by their names alone, so
 * every function with the name of one that reaches an operation becomes a generator. Whatever the
 * transformation cannot follow (such a function as a value, in a getter, a constructor, an async
 * function) is an error.
 *
 *   sync.load(words, i)               (yield sync.load(words, i), pending.result)
 *   loadState(image, slab)            (yield* loadState(image, slab))
 *   (image) => loadState(image, 1)    function* (image) { return (yield* loadState(image, 1)); }
 *   for (const ptr of heldIn(image))  the same, and passes on what is no ptr: a bare yield
 */

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** A function, and what the transformation needs to know about it. */
interface Fun {
  readonly node: Node;
  readonly parent: Node | undefined;
  readonly name: string;
  readonly isGenerator: boolean;
  /** Names of functions that it calls or iterates over. */
  readonly calls: Set<string>;
  /** Its parameters and variables that are not functions. */
  readonly locals: Set<string>;
  hasOperation: boolean;
}

/** Members of the seam that do not access shared memory. */
const NO_OPERATIONS = new Set(["track", "waitAsync"]);

/** The name of a function given to `then`: a fiber of its own, for the agent's event loop. */
const LATER = "(later)";

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) => {
    if (Array.isArray(value)) return value.filter(isNode);
    return isNode(value) ? [value] : [];
  });
}

function isFunction({ type }: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type);
}

function textOf(node: unknown): string {
  return isNode(node) && node.type === "Identifier" ? (node.name as string) : "";
}

/** Returns the name of the function that is called: `f` for `f()` and for `a.b.f()`. */
function calleeOf(call: Node): string {
  const callee = call.callee as Node;
  if (callee.type !== "MemberExpression") return textOf(callee);
  return callee.computed === true ? "" : textOf(callee.property);
}

/** Returns the names that a pattern declares. */
function namesOf(pattern: Node): string[] {
  if (pattern.type === "Identifier") return [pattern.name as string];
  if (pattern.type === "Property") return namesOf(pattern.value as Node);
  if (pattern.type === "AssignmentPattern") return namesOf(pattern.left as Node);
  return childrenOf(pattern).flatMap(namesOf);
}

function isOperation(node: Node): boolean {
  if (node.type !== "CallExpression") return false;
  const callee = node.callee as Node;
  if (callee.type !== "MemberExpression") return false;
  const [object, name] = [textOf(callee.object), textOf(callee.property)];
  return (object === "sync" && !NO_OPERATIONS.has(name)) || (object === "Date" && name === "now");
}

export function toFibers(code: string): string {
  return new Transformation(code).run();
}

class Transformation {
  private readonly code: string;
  private readonly parents = new Map<Node, Node>();
  private readonly funs = new Map<Node, Fun>();
  private readonly nodes: Node[] = [];
  private readonly reaching = new Set<string>();
  private readonly edits: { at: number; order: number; text: string; cut: number }[] = [];

  constructor(code: string) {
    this.code = code;
    this.visit(parseAst(code) as unknown as Node, undefined);
  }

  private visit(node: Node, parent: Node | undefined): void {
    if (parent !== undefined) this.parents.set(node, parent);
    // The seam itself notes operations, and does not run them.
    if (node.type === "VariableDeclarator" && /^(sync|Date)$/.test(textOf(node.id))) return;
    this.nodes.push(node);
    if (isFunction(node)) this.addFunction(node, parent);
    for (const child of childrenOf(node)) this.visit(child, node);
  }

  private addFunction(node: Node, parent: Node | undefined): void {
    const isThen = parent?.type === "CallExpression" && calleeOf(parent) === "then";
    const own = textOf(node.id) || textOf(parent?.key) || textOf(parent?.id);
    const name = isThen ? LATER : own;
    const isGenerator = node.generator === true;
    const locals = new Set((node.params as Node[]).flatMap(namesOf));
    const calls = new Set<string>();
    this.funs.set(node, { node, parent, name, isGenerator, calls, locals, hasOperation: false });
  }

  private addLocals(): void {
    for (const node of this.nodes) {
      if (node.type !== "VariableDeclarator") continue;
      const isFunctionValue = isNode(node.init) && isFunction(node.init);
      if (isFunctionValue) continue;
      for (const name of namesOf(node.id as Node)) this.functionOf(node)?.locals.add(name);
    }
  }

  /** Returns whether a name stands for a parameter or a variable there. */
  private isLocal(node: Node, name: string): boolean {
    for (let fun = this.functionOf(node); fun !== undefined; fun = this.functionOf(fun.node)) {
      if (fun.locals.has(name)) return true;
    }
    return false;
  }

  private functionOf(node: Node): Fun | undefined {
    let at = this.parents.get(node);
    while (at !== undefined && !this.funs.has(at)) at = this.parents.get(at);
    return at === undefined ? undefined : this.funs.get(at);
  }

  private fail(node: Node, what: string): never {
    const line = this.code.slice(0, node.start).split("\n").length;
    throw new Error(`no fiber: ${what}, line ${line}: ${this.code.slice(node.start, node.end)}`);
  }

  run(): string {
    this.addLocals();
    this.findCalls();
    this.findReaching();
    for (const node of this.nodes) {
      if (node.type === "Identifier") this.checkValue(node);
      else if (node.type === "CallExpression") this.editCall(node);
      else if (node.type === "ForOfStatement") this.editLoop(node);
      else if (this.funs.has(node)) this.editFunction(this.funs.get(node) as Fun);
    }
    return this.apply();
  }

  private findCalls(): void {
    for (const node of this.nodes) {
      if (node.type !== "CallExpression") continue;
      const fun = this.functionOf(node);
      if (isOperation(node)) {
        if (fun === undefined) this.fail(node, "an operation in no function");
        fun.hasOperation = true;
      }
      fun?.calls.add(calleeOf(node));
    }
  }

  /** Finds all names from which an operation is reached. */
  private findReaching(): void {
    const { reaching } = this;
    for (let before = -1; before < reaching.size; ) {
      before = reaching.size;
      for (const fun of this.funs.values()) {
        const reaches = fun.hasOperation || [...fun.calls].some((name) => reaching.has(name));
        if (!reaches) continue;
        if (fun.name === "") this.fail(fun.node, "a function without a name");
        reaching.add(fun.name);
      }
    }
  }

  private isReaching(fun: Fun): boolean {
    return fun.name !== "" && this.reaching.has(fun.name);
  }

  /** A function that reaches an operation may be a value only where its name stays the same. */
  private checkValue(node: Node): void {
    if (!this.reaching.has(textOf(node)) || isOperation(node)) return;
    const parent = this.parents.get(node);
    if (parent === undefined) return;
    const { type } = parent;
    const isNewName = type === "VariableDeclarator" && parent.init === node;
    const isDeclared = isFunction(parent) || (type === "VariableDeclarator" && !isNewName);
    const isKey = /^(Property|MethodDefinition|PropertyDefinition)$/.test(type);
    const isSameName = !isKey || parent.key === node || textOf(parent.key) === textOf(node);
    const isCalled = parent.type === "CallExpression" && parent.callee === node;
    const isNamed = /^(Export|Import)/.test(type) || type === "ReturnStatement";
    if (isDeclared || isCalled || isNamed) return;
    const isRenamed =
      this.parents.get(parent)?.type === "ObjectPattern" &&
      textOf(parent.key) !== textOf(parent.value);
    if (isKey && isSameName && !isRenamed) return;
    const isMember = type === "MemberExpression" && parent.object !== node && !parent.computed;
    if (!isMember && this.isLocal(node, textOf(node))) return;
    if (isMember) {
      const outer = this.parents.get(parent) as Node;
      const isCall = outer.type === "CallExpression" && outer.callee === parent;
      const isCopied = outer.type === "Property" && textOf(outer.key) === textOf(node);
      if (isCall || isCopied) return;
    }
    this.fail(parent, `${textOf(node)} as a value`);
  }

  private editCall(node: Node): void {
    if (isOperation(node)) {
      this.insert(node.start, 1, "(yield ");
      this.insert(node.end, -1, ", pending.result)");
      return;
    }
    if (!this.reaching.has(calleeOf(node)) || this.isIterator(node)) return;
    this.insert(node.start, 1, "(yield* ");
    this.insert(node.end, -1, ")");
  }

  /** Returns whether a call makes an iterator whose steps reach operations. */
  private isIterator(call: Node): boolean {
    return this.iterators().has(calleeOf(call));
  }

  private iteratorNames: Set<string> | undefined;

  /** Returns the generators of the sources, and the functions that return one. */
  private iterators(): Set<string> {
    if (this.iteratorNames !== undefined) return this.iteratorNames;
    const names = new Set<string>();
    for (let before = -1; before < names.size; ) {
      before = names.size;
      for (const fun of this.funs.values()) {
        const body = fun.node.body as Node;
        const isReturned = body.type === "CallExpression" && names.has(calleeOf(body));
        if (this.isReaching(fun) && (fun.isGenerator || isReturned)) names.add(fun.name);
      }
    }
    this.iteratorNames = names;
    return names;
  }

  private editLoop(node: Node): void {
    const { left, right, body } = node as Record<string, unknown> as Record<string, Node>;
    if (right?.type !== "CallExpression" || !this.isIterator(right)) return;
    if (left === undefined || body === undefined) return;
    if (left.type !== "VariableDeclaration") this.fail(node, "a loop without a declaration");
    const [declarator] = left.declarations as Node[];
    const pattern = declarator?.id as Node;
    this.edits.push({ at: pattern.start, order: 0, text: "passed", cut: pattern.end });
    const names = this.code.slice(pattern.start, pattern.end);
    const pass = `if (passed === undefined) { yield; continue; } const ${names} = passed; `;
    this.insert(body.start, 1, `{ ${pass}`);
    this.insert(body.end, -1, " }");
  }

  private editFunction(fun: Fun): void {
    if (!this.isReaching(fun) || fun.isGenerator) return;
    const { node, parent } = fun;
    if (this.iterators().has(fun.name)) return;
    if (node.async === true) this.fail(node, "an async function");
    const kind = parent?.kind;
    if (kind === "get" || kind === "set" || kind === "constructor") this.fail(node, `a ${kind}`);
    if (node.type === "ArrowFunctionExpression") {
      this.editArrow(fun);
    } else if (parent !== undefined && (parent.method === true || kind === "method")) {
      this.insert((parent.key as Node).start, 0, "*");
    } else {
      this.insert(node.start + "function".length, 0, "*");
    }
  }

  private editArrow({ node }: Fun): void {
    const body = node.body as Node;
    const uses = (at: Node): boolean =>
      at.type === "ThisExpression" || childrenOf(at).some((child) => uses(child));
    if (uses(node)) this.fail(node, "an arrow function with this");
    this.insert(node.start, 0, "function* ");
    const arrow = this.code.lastIndexOf("=>", body.start);
    this.edits.push({ at: arrow, order: 0, text: "", cut: arrow + 2 });
    if (body.type === "BlockStatement") return;
    // The parentheses around an object literal are not part of it.
    this.insert(arrow + 2, 0, "{ return (");
    this.insert(node.end, -1, "); }");
  }

  private insert(at: number, order: number, text: string): void {
    this.edits.push({ at, order, text, cut: at });
  }

  /** Applies the edits. At one place, ends come before beginnings, and inner ends before outer. */
  private apply(): string {
    const ranked = this.edits.map((edit, number) => ({ ...edit, number }));
    ranked.sort((a, b) => {
      if (a.at !== b.at) return a.at - b.at;
      if (a.order !== b.order) return a.order - b.order;
      return a.order < 0 ? b.number - a.number : a.number - b.number;
    });
    let text = "";
    let done = 0;
    for (const { at, cut, text: inserted } of ranked) {
      text += this.code.slice(done, at) + inserted;
      done = cut;
    }
    return text + this.code.slice(done);
  }
}

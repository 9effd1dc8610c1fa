import { parseAst } from "vitest/node";
import {
  calleeOf,
  childrenOf,
  classNameOf,
  isFunction,
  isNode,
  type Node,
  namesOf,
  textOf,
} from "./ast.js";

/*
 * Makes fibers of synchronous code: every function that can reach an operation of `sync` becomes a
 * generator, every call of one `yield*`, and every operation a `yield`, after which its result is
 * there. A read of the clock is an operation too. Functions are told apart by their names alone, so
 * every function with the name of one that reaches an operation becomes a generator. Whatever the
 * transformation cannot follow (such a function as a value, in a getter, in a constructor) is an
 * error. Async functions are no fibers: one that is called throws.
 *
 *   sync.load(words, i)               (yield sync.load(words, i), pending.result)
 *   loadState(image, slab)            (yield* loadState(image, slab))
 *   (image) => loadState(image, 1)    function* (image) { return (yield* loadState(image, 1)); }
 *   for (const ptr of heldIn(image))  the same, and passes on what is no ptr: a bare yield
 */

/** A function, and what the transformation needs to know about it. */
interface Fun {
  readonly node: Node;
  readonly parent: Node | undefined;
  name: string;
  readonly isGenerator: boolean;
  /** Names of functions that it calls or iterates over. */
  readonly calls: Set<string>;
  /** Its parameters and variables that are not functions. */
  readonly locals: Set<string>;
  hasOperation: boolean;
}

/** Members of the seam that do not access shared memory. */
const NO_OPERATIONS = new Set(["track", "waitAsync"]);

/** The name of a function that an agent's event loop calls: the harness calls it by this name. */
const LATER = "later";
const TAKE_LATER: ReadonlySet<string> = new Set([
  "then",
  "once",
  "setTimeout",
  "setInterval",
  "addEventListener",
  "removeEventListener",
]);

/** Names of methods that are also those of numbers; nothing uses these methods as values. */
const DATA: ReadonlySet<string> = new Set(["blocks", "bytes"]);

/** What stands for `filter` and for the spread of an iterator where those reach operations. */
const FILTERED =
  "function* filtered(all, test) { const kept = []; " +
  "for (const one of all) if (yield* test(one)) kept.push(one); return kept; }\n";
const GATHERED =
  "function* gathered(steps) { const all = []; " +
  "for (const one of steps) if (one === undefined) yield; else all.push(one); return all; }\n";

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
  private readonly helpers = new Set<string>();
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
    let name = textOf(node.id) || textOf(parent?.key) || textOf(parent?.id);
    if (parent?.computed === true) name = "(computed)";
    if (parent?.static === true) name = `${this.classOf(parent)}.${name}`;
    const isGenerator = node.generator === true;
    const locals = new Set((node.params as Node[]).flatMap(namesOf));
    const calls = new Set<string>();
    this.funs.set(node, { node, parent, name, isGenerator, calls, locals, hasOperation: false });
  }

  private classOf(method: Node): string {
    const made = this.parents.get(this.parents.get(method) as Node) as Node;
    return classNameOf(made.id) || classNameOf(this.parents.get(made)?.id);
  }

  /** Names functions that are given to others: by the parameter there, or as what comes later. */
  private nameArguments(): void {
    for (const fun of this.funs.values()) {
      const { node, parent } = fun;
      if (parent?.type !== "CallExpression" || parent.callee === node) continue;
      const callee = calleeOf(parent);
      if (TAKE_LATER.has(callee)) fun.name = LATER;
      else if (callee === "filter") fun.name = `(filter ${node.start})`;
      else fun.name ||= this.parameterAt(parent, node);
    }
  }

  /** Returns the name of the parameter that an argument is given to. */
  private parameterAt(call: Node, argument: Node): string {
    const place = (call.arguments as Node[]).indexOf(argument);
    const callee = calleeOf(call);
    for (const fun of this.funs.values()) {
      if (place >= 0 && fun.name === callee) return textOf((fun.node.params as Node[])[place]);
    }
    return "";
  }

  /** Returns whether a node is an async function or within one: those are no fibers. */
  private isAsync(node: Node): boolean {
    if (this.funs.has(node) && node.async === true) return true;
    const fun = this.functionOf(node);
    return fun !== undefined && this.isAsync(fun.node);
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
    this.nameArguments();
    this.findCalls();
    this.findReaching();
    for (const node of this.nodes) {
      if (this.isAsync(node)) this.refuseToRun(node);
      else if (node.type === "Identifier") this.checkValue(node);
      else if (node.type === "CallExpression") this.editCall(node);
      else if (node.type === "ForOfStatement") this.editLoop(node);
      else if (node.type === "SpreadElement") this.editSpread(node);
      else if (this.funs.has(node)) this.editFunction(this.funs.get(node) as Fun);
    }
    return this.apply() + [...this.helpers].join("");
  }

  private refuseToRun(node: Node): void {
    if (node.async !== true || !this.funs.has(node)) return;
    const body = node.body as Node;
    if (body.type !== "BlockStatement") this.fail(node, "an async function without a block");
    this.insert(body.start + 1, 0, ' throw new Error("no fiber: an async function");');
  }

  private findCalls(): void {
    for (const node of this.nodes) {
      if (node.type !== "CallExpression") continue;
      const fun = this.functionOf(node);
      if (this.isAsync(node)) continue;
      if (isOperation(node)) {
        if (fun === undefined) this.fail(node, "an operation in no function");
        fun.hasOperation = true;
      }
      fun?.calls.add(calleeOf(node));
      const [first] = node.arguments as Node[];
      const test = first === undefined ? undefined : this.funs.get(first);
      if (calleeOf(node) === "filter" && test !== undefined) fun?.calls.add(test.name);
    }
  }

  /** Finds all names from which an operation is reached. */
  private findReaching(): void {
    const { reaching } = this;
    for (let before = -1; before < reaching.size; ) {
      before = reaching.size;
      for (const fun of this.funs.values()) {
        if (this.isAsync(fun.node)) continue;
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
    if (DATA.has(textOf(node))) return;
    const parent = this.parents.get(node);
    if (parent === undefined) return;
    const { type } = parent;
    const isNewName = type === "VariableDeclarator" && parent.init === node;
    const isDeclared = isFunction(parent) || (type === "VariableDeclarator" && !isNewName);
    const isKey = /^(Property|MethodDefinition|PropertyDefinition)$/.test(type);
    const isSameName = !isKey || parent.key === node || textOf(parent.key) === textOf(node);
    const isCalled = parent.type === "CallExpression" && this.isCallOf(parent, node);
    const isNamed = /^(Export|Import)/.test(type) || type === "ReturnStatement";
    if (isDeclared || isCalled || isNamed) return;
    const isRenamed =
      this.parents.get(parent)?.type === "ObjectPattern" &&
      textOf(parent.key) !== textOf(parent.value);
    if (isKey && isSameName && !isRenamed) return;
    const isMember = type === "MemberExpression" && parent.object !== node && !parent.computed;
    if (!isMember && this.isLocal(node, textOf(node))) return;
    // Statistics have numbers of these names.
    if (isMember && /stats$/i.test(textOf(parent.object))) return;
    if (isMember) {
      const outer = this.parents.get(parent) as Node;
      const isCall = outer.type === "CallExpression" && outer.callee === parent;
      const isCopied = outer.type === "Property" && textOf(outer.key) === textOf(node);
      const sides = [outer.left, outer.right].map((side) => (side as Node | undefined)?.property);
      const isAssigned = sides.every((side) => textOf(side) === textOf(node));
      if (isCall || isCopied || isAssigned) return;
    }
    this.fail(parent, `${textOf(node)} as a value`);
  }

  /** Returns whether a call is one of a name, or gives it to a parameter of the same name. */
  private isCallOf(call: Node, name: Node): boolean {
    if (call.callee === name || TAKE_LATER.has(calleeOf(call))) return true;
    return this.parameterAt(call, name) === textOf(name);
  }

  private editCall(node: Node): void {
    if (isOperation(node)) {
      this.insert(node.start, 1, "(yield ");
      this.insert(node.end, -1, ", pending.result)");
      return;
    }
    if (calleeOf(node) === "filter") this.editFilter(node);
    if (!this.reaching.has(calleeOf(node)) || this.isIterator(node)) return;
    this.insert(node.start, 1, "(yield* ");
    this.insert(node.end, -1, ")");
  }

  /** Makes `all.filter(test)` a call of `filtered` if the test reaches an operation. */
  private editFilter(node: Node): void {
    const [first] = node.arguments as Node[];
    const test = first === undefined ? undefined : this.funs.get(first);
    if (test === undefined || !this.isReaching(test)) return;
    const all = (node.callee as Record<string, unknown>).object as Node;
    this.helpers.add(FILTERED);
    this.insert(node.start, 1, "(yield* filtered(");
    this.edits.push({ at: all.end, order: 0, text: ", ", cut: test.node.start });
    this.insert(node.end, -1, ")");
  }

  private editSpread({ argument }: Node): void {
    const call = argument as Node;
    if (call.type !== "CallExpression" || !this.isIterator(call)) return;
    this.helpers.add(GATHERED);
    this.insert(call.start, 1, "(yield* gathered(");
    this.insert(call.end, -1, "))");
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
        const [first] = body.type === "BlockStatement" ? (body.body as Node[]) : [];
        const result = first?.type === "ReturnStatement" ? (first.argument as Node) : body;
        const isReturned = result?.type === "CallExpression" && names.has(calleeOf(result));
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
    const kind = parent?.kind;
    if (kind === "get" || kind === "set" || kind === "constructor") this.fail(node, `a ${kind}`);
    if (node.type === "ArrowFunctionExpression") {
      this.editArrow(fun);
    } else if (parent !== undefined && (parent.method === true || kind === "method")) {
      const { start } = parent.key as Node;
      this.insert(parent.computed === true ? this.code.lastIndexOf("[", start) : start, 0, "*");
    } else {
      this.insert(node.start + "function".length, 0, "*");
    }
  }

  private editArrow({ node }: Fun): void {
    const body = node.body as Node;
    const uses = (at: Node): boolean =>
      at.type === "ThisExpression" || childrenOf(at).some((child) => uses(child));
    const isBound = uses(node);
    this.insert(node.start, 0, isBound ? "(function* " : "function* ");
    const arrow = this.code.lastIndexOf("=>", body.start);
    this.edits.push({ at: arrow, order: 0, text: "", cut: arrow + 2 });
    const isBlock = body.type === "BlockStatement";
    // The parentheses around an object literal are not part of it.
    if (!isBlock) this.insert(arrow + 2, 0, "{ return (");
    if (!isBlock || isBound) {
      this.insert(node.end, -1, `${isBlock ? "" : "); }"}${isBound ? ").bind(this)" : ""}`);
    }
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

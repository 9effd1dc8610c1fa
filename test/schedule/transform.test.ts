import { describe, expect, it } from "vitest";
import { toFibers } from "../support/schedule/fibers/transform.js";

const LOAD = "function load(image) { return sync.load(image.words, 1); }\n";

/** What code becomes that follows a function which does an operation. */
function follow(code: string): string {
  const [, ...rest] = toFibers(LOAD + code).split("\n");
  return rest.join("\n");
}

describe("toFibers", () => {
  it("yields at an operation, and takes its result", () => {
    expect(toFibers(LOAD)).toBe(
      "function* load(image) { return (yield sync.load(image.words, 1), pending.result); }\n",
    );
  });

  it("follows calls by name, through methods and object literals", () => {
    expect(follow("const source = { take: (image) => load(image) };")).toBe(
      "const source = { take: function* (image) { return ( (yield* load(image))); } };",
    );
    expect(follow("class Queue { serve(image) { return load(image) + load(image); } }")).toBe(
      "class Queue { *serve(image) { return (yield* load(image)) + (yield* load(image)); } }",
    );
    expect(follow("function plain(a) { return a; }")).toBe("function plain(a) { return a; }");
  });

  it("passes on the steps of an iterator", () => {
    const iterator = "function* held(image) { if (load(image)) yield 1; }\n";
    const loop = "function use(image) { for (const ptr of held(image)) { show(ptr); } }";
    expect(follow(iterator + loop)).toBe(
      "function* held(image) { if ((yield* load(image))) yield 1; }\n" +
        "function* use(image) { for (const passed of held(image)) " +
        "{ if (passed === undefined) { yield; continue; } const ptr = passed; { show(ptr); } } }",
    );
  });

  it("tells static methods from others, and copies of methods by their names", () => {
    expect(follow("class Heap { static join(image) { return load(image); } }\nnames.join();")).toBe(
      "class Heap { static *join(image) { return (yield* load(image)); } }\nnames.join();",
    );
    expect(follow("function copy(to, from) { to.load = from.load; }")).toBe(
      "function copy(to, from) { to.load = from.load; }",
    );
  });

  it("follows functions that are given to a parameter, to filter, and to the event loop", () => {
    expect(follow("function ask(read) { return read(); }\nask(() => load(image));")).toContain(
      "function* ask(read) { return (yield* read()); }",
    );
    expect(follow("const attached = (all) => all.filter((image) => load(image));")).toContain(
      "(yield* filtered(all, function* (image) { return ( (yield* load(image))); }))",
    );
    expect(follow("function wait(image) { setTimeout(() => load(image), 1); }")).toContain(
      "function wait(image) { setTimeout(function* () {",
    );
  });

  it("gathers what an iterator has, where it is spread", () => {
    const code = "function* held(image) { if (load(image)) yield 1; }\n";
    expect(follow(`${code}function all(image) { return [...held(image)]; }`)).toContain(
      "function* all(image) { return [...(yield* gathered(held(image)))]; }",
    );
  });

  it("makes async functions throw", () => {
    expect(follow("async function wait(image) { return load(image); }")).toBe(
      'async function wait(image) { throw new Error("no fiber: an async function"); ' +
        "return load(image); }",
    );
  });

  it.each([
    ["a function as an argument", "function each(image) { [image].forEach(load); }"],
    ["a function under another name", "function two(image) { const f = load; return f(image); }"],
    ["a renamed member", "function two(image) { const { load: f } = image; return f(image); }"],
    ["a nameless callback", "function each(images) { images.map((image) => load(image)); }"],
    ["a getter", "class Heap { get first() { return load(this); } }"],
    ["a constructor", "class Heap { constructor(image) { load(image); } }"],
    ["an operation in no function", "sync.store(words, 1, 1);"],
  ])("refuses %s", (_, code) => {
    expect(() => follow(code)).toThrow(/^no fiber: /);
  });
});

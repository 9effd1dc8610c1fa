import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

const PROGRAM = `
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { bits, repeated, struct, u16be, utf8Prefixed } from "hakmem/codec";
const heap = Heap.create({ capacity: 2 ** 20 });
const Item = struct({ a: bits(3), b: bits(5), name: utf8Prefixed("u8") });
const Message = struct({ items: repeated("u8", Item), end: u16be });
const value = { items: [{ a: 1, b: 2, name: "x" }], end: 3 };
const bytes = Message.encode(new BytesPool(heap), value);
let refused = "";
try {
  Message.encode(new BytesPool(heap), { items: [{ a: 9, b: 2, name: "x" }], end: 3 });
} catch (error) {
  refused = error.details.path;
}
const made = process.argv.includes("spy") ? globalThis.made : undefined;
console.log(JSON.stringify([[...bytes], Message.decode(bytes), refused, made]));
bytes.release();
console.log(heap.stats().live.blocks);
`;

const SPY = `
globalThis.made = 0;
const { Function } = globalThis;
globalThis.Function = new Proxy(Function, {
  construct(target, args) {
    const made = Reflect.construct(target, args);
    globalThis.made++;
    return made;
  },
});
`;

function run(flags: readonly string[], ...args: string[]): string {
  const program = ["--input-type=module", "-e", PROGRAM, "--", ...args];
  return execFileSync(process.execPath, [...flags, ...program], { encoding: "utf8" });
}

const ITEMS = '{"items":[{"a":1,"b":2,"name":"x"}],"end":3}';
const expected = (made: string): string => `[[1,34,1,120,0,3],${ITEMS},"items[0].a",${made}]\n0\n`;

const spy = `data:text/javascript,${encodeURIComponent(SPY)}`;

it("structs are code that is generated", () => {
  expect(run(["--import", spy], "spy")).toBe(expected("2"));
});

it("structs do the same where a policy forbids to generate code", () => {
  const policy = "--disallow-code-generation-from-strings";
  expect(run([policy])).toBe(expected("null"));
  expect(run([policy, "--import", spy], "spy")).toBe(expected("0"));
});

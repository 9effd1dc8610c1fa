import { expect, it } from "vitest";
import { Figures, takeTurns } from "../../../bench/measure/figures.js";
import { topLevelConst } from "../../../scripts/topLevelConst.js";

const progress = { step: () => {}, show: () => {}, done: () => {} };

it("takes turns that begin with another subject each, and ratios within a turn", async () => {
  const figures = new Figures();
  const order: string[] = [];
  const run = (name: string, values: number[]) => ({
    name,
    start: async () => {
      order.push(name);
      return { [name]: values.shift() as number };
    },
  });
  await takeTurns(
    [run("a", [1, 10, 100]), run("b", [2, 10, 400])],
    3,
    figures,
    progress,
    new AbortController().signal,
  );
  expect(order.join("")).toBe("abbaab");
  expect(figures.of("b")).toEqual([2, 10, 400]);
  expect(figures.middle("a")).toBe(10);
  expect(figures.ratio("b", "a")).toBe(2);
  expect(figures.ratio("b", "c")).toBeNaN();
  expect(figures.middle("c")).toBeNaN();
  expect(JSON.parse(JSON.stringify(figures))).toEqual({ a: [1, 10, 100], b: [2, 10, 400] });
});

it("makes constants of what a bundle never assigns again", () => {
  const code = `var a = 1;
var b = 2;
var c = 3;
var d = 4;
function f() {
  b = 3;
  c++;
  d |= 1;
  x.a = 5;
  var e = 6;
  return a === 2;
}
`;
  const names = [...topLevelConst(code).matchAll(/^(const|var) (\w)/gm)].map(([, kind, name]) => {
    return `${kind} ${name}`;
  });
  expect(names).toEqual(["const a", "var b", "var c", "var d"]);
  expect(topLevelConst(code)).toContain("  var e = 6;");
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isKept, MOST_LEVELS, TopicTree } from "../../../examples/mqtt/topics.js";
import { matches } from "../../support/mqtt.js";
import { runs } from "../../support/tier.js";

function treeOf(paths: Iterable<string>): TopicTree<string> {
  const tree = new TopicTree<string>();
  for (const path of paths) tree.set(path, path);
  return tree;
}

const level = fc.constantFrom("", "a", "b", "$SYS", "a b", "ü", "__proto__");
const topic = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join("/"))
  .filter((path) => path !== "");
const filter = fc
  .tuple(
    fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 5 }),
    fc.constantFrom("", "/#"),
  )
  .map(([levels, end]) => levels.join("/") + end)
  .filter((path) => path !== "");
const filters = fc.uniqueArray(fc.oneof(filter, fc.constant("#")), { maxLength: 30 });

describe("topics and filters", () => {
  it.each([
    ["a/b", "a/b", true],
    ["a/b", "a/B", false],
    ["a/+", "a/b", true],
    ["a/+", "a", false],
    ["a/+", "a/", true],
    ["+", "a", true],
    ["+", "/a", false],
    ["+/+", "/a", true],
    ["/+", "/a", true],
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["a/#", "ab", false],
    ["#", "a/b", true],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["$SYS/#", "$SYS/x", true],
    ["$SYS/+", "$SYS/x", true],
    ["a/$b", "a/$b", true],
    ["a/+", "a/$b", true],
  ])("%s and %s: %s", (one, other, expected) => {
    expect(matches(one, other)).toBe(expected);
    expect(treeOf([one]).match(other)).toEqual(expected ? [one] : []);
    expect([...treeOf([other]).search(one)]).toEqual(expected ? [other] : []);
  });

  it("have limits of depth and length", () => {
    expect(isKept("/".repeat(MOST_LEVELS - 1))).toBe(true);
    expect(isKept("/".repeat(MOST_LEVELS))).toBe(false);
    expect(isKept("a".repeat(1024))).toBe(true);
    expect(isKept("a".repeat(1025))).toBe(false);
  });
});

describe("a tree of topics", () => {
  it("finds what the standard says, both ways", () => {
    const property = fc.property(filters, fc.uniqueArray(topic), (some, topics) => {
      const byFilter = treeOf(some);
      for (const each of topics) {
        const expected = some.filter((one) => matches(one, each)).sort();
        expect(byFilter.match(each).sort()).toEqual(expected);
      }
      const byTopic = treeOf(topics);
      for (const one of some) {
        const expected = topics.filter((each) => matches(one, each)).sort();
        expect([...byTopic.search(one)].sort()).toEqual(expected);
      }
    });
    fc.assert(property, { numRuns: runs(200, 5000) });
  });

  it("keeps no node of what was deleted", () => {
    const property = fc.property(filters, filters, (some, others) => {
      const tree = treeOf([...some, ...others]);
      for (const path of others) tree.delete(path);
      for (const path of others) tree.delete(path);
      const left = some.filter((path) => !others.includes(path));
      expect(tree).toEqual(treeOf(left));
      expect(tree.size).toBe(left.length);
      for (const path of some) tree.delete(path);
      expect(tree).toEqual(new TopicTree());
    });
    fc.assert(property, { numRuns: runs(200, 5000) });
  });

  it("may change while it is searched", () => {
    const tree = treeOf(["a/1", "a/2", "a/3", "b"]);
    const found: string[] = [];
    for (const path of tree.search("#")) {
      found.push(path);
      tree.delete("a/2");
      tree.delete("b");
      tree.set("a/1", "a/1");
    }
    expect(found).toEqual(["a/1", "a/3"]);
  });

  it("visits few nodes, whatever filters there are", () => {
    const tree = new TopicTree<string>();
    // Every filter of 12 levels that are "a" or "+".
    for (let bits = 0; bits < 2 ** 12; bits++) {
      const levels = Array.from({ length: 12 }, (_, at) => ((bits >> at) & 1 ? "+" : "a"));
      tree.set(levels.join("/"), "x");
    }
    expect(tree.match("a/".repeat(11).concat("a")).length).toBe(2 ** 12);
    // They end before this topic does.
    expect(tree.match("a/".repeat(20).concat("a"))).toEqual([]);
    expect(tree.match("b/".repeat(11).concat("b"))).toEqual(["x"]);
  });
});

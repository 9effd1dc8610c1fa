import { expect, test } from "vitest";
import { parseRounds, Quiet } from "../../../bench/measure/quiet.js";

const rounds = (...lines: [figure: number, probe: number][]) =>
  lines.map(([figure, probe]) => ({ figure, probe }));

test("lines have a figure, and a probe where there is one", () => {
  expect(parseRounds("5.25 1300\n6.5 1400\n")).toEqual(rounds([5.25, 1300], [6.5, 1400]));
  expect(parseRounds("4096\n")).toEqual(rounds([4096, 0]));
});

test("rounds count whose probe is near the fastest of all processes", () => {
  const quiet = new Quiet();
  const first = rounds([5, 100], [6, 114], [9, 116], [7, 110]);
  quiet.note(first);
  expect(quiet.medianOf(first)).toBe(6);
  quiet.note(rounds([8, 90]));
  expect(quiet.medianOf(first), "one round is too few").toBeUndefined();
});

test("what has no probe says nothing of the machine", () => {
  const quiet = new Quiet();
  quiet.note(rounds([4096, 0]));
  const first = rounds([5, 100], [6, 100]);
  quiet.note(first);
  expect(quiet.medianOf(first)).toBe(5.5);
});

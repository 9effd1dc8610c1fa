import { describe, expect, it } from "vitest";
import { findKnob, parseKnobValue, readKnobs, toEnv } from "../../../bench/base/knobs.js";
import { UsageError } from "../../../bench/base/session.js";
import { OPTION_TABLE, optionsFromEnv } from "../../../src/index.js";

describe("knobs", () => {
  it.each([
    "HAKMEM_TINY_SLL_DRAIN_INTERVAL",
    "TINY_SLL_DRAIN_INTERVAL",
    "SLL_DRAIN_INTERVAL",
    "sllDrainInterval",
    "--sll-drain-interval",
    "sll-drain-interval",
  ])("are found as %s", (name) => {
    expect(findKnob(name).name).toBe("sllDrainInterval");
  });

  it("that nobody knows are refused with a list of those there are", () => {
    expect(() => findKnob("NONSENSE")).toThrow(UsageError);
    expect(() => findKnob("NONSENSE")).toThrow(/HAKMEM_TINY_FAST_CAP/);
  });

  it.each(["", "x", "-1", "1.5", "1e3", "99999999999", "1023", "0"])(
    "refuse %j for the front cache's capacity",
    (text) => {
      expect(() => parseKnobValue(findKnob("FAST_CAP"), text)).toThrow(
        /HAKMEM_TINY_FAST_CAP is .*; it takes an integer from 1 to 1022/,
      );
    },
  );

  it("of flags override those of the environment", () => {
    const options = readKnobs(
      { fastCap: 7, refillCountHot: 5 },
      { fastCap: "9", wrapTiny: "0", rounds: 4 },
    );
    expect(options).toEqual({ fastCap: 9, refillCountHot: 5, wrapTiny: false });
  });

  it("go through an environment unchanged", () => {
    for (const row of OPTION_TABLE) {
      const value = row.type === "switch" ? true : row.max;
      const options = { [row.name]: value };
      expect(optionsFromEnv(toEnv(options))).toEqual(options);
    }
  });
});

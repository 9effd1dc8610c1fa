import type { TuneResult } from "../../base/results.js";
import { type Child, element, facts, hint, notes, part, table } from "./dom.js";
import { type Dot, dotChart, dotLegend, type Mark } from "./dots.js";
import {
  formatConfidence,
  formatCount,
  formatNs,
  formatRatio,
  formatSettings,
  isSame,
  NONE,
} from "./format.js";

type Tried = TuneResult["tried"][number];

const MARKS: Readonly<Record<Mark, string>> = {
  base: "defaults",
  best: "best",
  plain: "other settings",
};

function markOf(result: TuneResult, { settings }: Tried): Mark {
  if (isSame(settings, result.best)) return "best";
  return isSame(settings, result.defaults) ? "base" : "plain";
}

function verdict({ best, gain }: TuneResult): string {
  if (best === null) return "No setting is better than the defaults.";
  return gain === null ? "The gain of the best setting was not measured." : "";
}

function chart(result: TuneResult, tried: readonly Tried[]): HTMLElement {
  const dots = tried.map(
    (one, at): Dot => ({
      ...one.nsPerOp,
      label: String(at + 1),
      mark: markOf(result, one),
      isBase: isSame(one.settings, result.defaults),
    }),
  );
  return element(
    "figure",
    {},
    element(
      "figcaption",
      {},
      "ns per operation with its quartiles, settings in order of their medians; lower is better." +
        " The dashed line is at the median of the defaults. The vertical axis does not begin at 0.",
    ),
    dotLegend(dots, MARKS),
    dotChart({
      label: "Time of an operation by setting.",
      dots,
      xLabel: "setting, by its row in the table",
      yLabel: "ns per op",
      heightPx: 280,
    }),
  );
}

export function tuneParts(result: TuneResult): Child[] {
  const { best, defaults, gain, workload } = result;
  const tried = [...result.tried].sort((a, b) => a.nsPerOp.median - b.nsPerOp.median);
  const names = Object.keys(tried[0]?.settings ?? defaults);
  const signs: Record<Mark, string> = { best: "best", base: "defaults", plain: "" };
  return [
    facts([
      ["events", formatCount(workload.events)],
      ["settings tried", formatCount(tried.length)],
      ["defaults", formatSettings(defaults)],
      ["best", best === null ? NONE : formatSettings(best)],
      [
        gain === null ? "gain" : `gain, ${formatConfidence(gain)} interval`,
        gain === null ? NONE : formatRatio(gain),
      ],
    ]),
    notes("caution", result.isInterrupted ? ["Interrupted: the search was not finished."] : []),
    best !== null && gain !== null ? null : element("p", { class: "verdict" }, verdict(result)),
    tried.length === 0
      ? hint("No setting was tried.")
      : part(
          "Settings tried",
          chart(result, tried),
          table(
            "Settings, fastest first",
            [
              { title: "row", cell: (one) => String(tried.indexOf(one) + 1) },
              ...names.map((name) => ({
                title: name,
                cell: (one: Tried) => String(one.settings[name] ?? NONE),
              })),
              { title: "ns per\u00a0op", cell: (one) => formatNs(one.nsPerOp.median) },
              {
                title: "quartiles",
                cell: ({ nsPerOp }) => `${formatNs(nsPerOp.low)} – ${formatNs(nsPerOp.high)}`,
              },
              { title: "rounds", cell: ({ rounds }) => formatCount(rounds) },
              { title: "", isText: true, cell: (one) => signs[markOf(result, one)] },
            ],
            tried,
            (one) => (markOf(result, one) === "best" ? "ours" : ""),
          ),
        ),
    notes("note", result.notes),
  ];
}

import type { ProfiledFunction, ProfileResult } from "../../base/results.js";
import { type Child, element, facts, hint, notes, part, table } from "./dom.js";
import { formatCount, formatPercent } from "./format.js";

const SIDES: readonly (readonly [ProfiledFunction["side"], title: string])[] = [
  ["allocation", "allocation"],
  ["free", "free"],
  ["shared", "shared by both"],
  ["workload", "the workload itself"],
  ["collector", "garbage collector"],
  ["program", "outside any function"],
];

const TOP_FUNCTIONS = 25;

function stack(result: ProfileResult): HTMLElement {
  const shown = SIDES.map(([side, title], series) => ({
    title,
    series,
    share: result.shares[side],
  })).filter(({ share }) => share > 0);
  const parts = shown.map(({ title, series, share }) => {
    const made = element("span", { class: `segment s${series}`, title });
    made.style.flexGrow = String(share);
    return made;
  });
  const legend = shown.map(({ title, series, share }) =>
    element(
      "li",
      {},
      element("span", { class: `swatch s${series}` }),
      `${title} `,
      element("span", { class: "value" }, formatPercent(share)),
    ),
  );
  return element(
    "figure",
    {},
    element("figcaption", {}, "Share of the samples, %"),
    element("div", { class: "stack", "aria-hidden": "true" }, ...parts),
    element("ul", { class: "legend" }, ...legend),
  );
}

export function profileParts(result: ProfileResult): Child[] {
  const functions = [...result.functions].sort((a, b) => b.selfMs - a.selfMs);
  const shown = functions.slice(0, TOP_FUNCTIONS);
  const left = functions.length - shown.length;
  return [
    facts([
      ["samples", formatCount(result.samples)],
      ["sampled", `${formatCount(Math.round(result.sampledMs))} ms`],
      ["events of a run", formatCount(result.workload.events)],
    ]),
    notes("caution", result.caution === null ? [] : [result.caution]),
    element("p", { class: "verdict" }, result.verdict),
    result.samples === 0
      ? hint("No sample was taken.")
      : part("Where the time goes", stack(result)),
    shown.length === 0
      ? null
      : part(
          "Functions",
          table(
            "Functions by their own time",
            [
              { title: "function", cell: ({ name }) => name },
              { title: "at", isText: true, cell: ({ at }) => at },
              { title: "side", isText: true, cell: ({ side }) => side },
              { title: "self ms", cell: ({ selfMs }) => selfMs.toFixed(1) },
              { title: "samples", cell: ({ samples }) => formatCount(samples) },
              { title: "share", cell: ({ share }) => formatPercent(share) },
            ],
            shown,
          ),
          left === 0 ? null : hint(`${left} more with less time are in the result file.`),
        ),
    notes("note", result.notes),
  ];
}

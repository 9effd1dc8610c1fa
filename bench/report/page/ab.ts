import type { AbCell, AbResult, AbVerdict } from "../../base/results.js";
import { type Child, type Column, element, hint, notes, part, table } from "./dom.js";
import { type Dot, dotChart, dotLegend, type Mark } from "./dots.js";
import {
  formatConfidence,
  formatCount,
  formatMegabytes,
  formatMillions,
  formatNs,
  formatRatio,
  isSame,
  NONE,
} from "./format.js";

const MARKS: Readonly<Record<Mark, string>> = {
  base: "base",
  best: "recommended",
  plain: "other cells",
};

function valuesOf(result: AbResult, cell: AbCell): string {
  return result.knobs.map(({ name }) => cell.settings[name] ?? NONE).join(" / ");
}

function markOf(cell: AbCell, verdict: AbVerdict | undefined): Mark {
  if (isSame(cell.settings, verdict?.recommended ?? null)) return "best";
  return cell.ratio === null ? "base" : "plain";
}

function columns(result: AbResult): Column<AbCell>[] {
  const names = result.knobs.map(({ name }) => name).join(" / ");
  return [
    { title: names, cell: (cell) => valuesOf(result, cell) },
    {
      title: "M ops/s",
      cell: ({ opsPerSecond: { median, low, high } }) =>
        `${formatMillions(median)} [${formatMillions(low)}, ${formatMillions(high)}]`,
    },
    {
      title: "throughput ÷ base's",
      cell: ({ ratio }) => (ratio === null ? "base" : formatRatio(ratio)),
    },
    { title: "ns per\u00a0op", cell: ({ nsPerOp }) => formatNs(nsPerOp.median) },
    {
      title: "quartiles",
      cell: ({ nsPerOp }) => `${formatNs(nsPerOp.low)} – ${formatNs(nsPerOp.high)}`,
    },
    { title: "slabs opened", cell: ({ slabsOpened }) => formatCount(slabsOpened) },
    { title: "refills", cell: ({ refills }) => formatCount(refills) },
    { title: "drains", cell: ({ drains }) => formatCount(drains) },
    {
      title: "peak committed MB",
      cell: ({ peakCommittedBytes }) => formatMegabytes(peakCommittedBytes),
    },
    {
      title: "CPU ms (user + system)",
      cell: ({ cpuUserMs, cpuSystemMs }) => `${cpuUserMs.toFixed(0)} + ${cpuSystemMs.toFixed(0)}`,
    },
  ];
}

function panel(result: AbResult, workload: string, dots: readonly Dot[]): HTMLElement {
  const verdict = result.verdicts.find((candidate) => candidate.workload === workload);
  return element(
    "figure",
    { class: "panel" },
    element("figcaption", { class: "strong" }, workload),
    dotChart({
      label: `Throughput of ${workload} by setting.`,
      dots,
      // The whole name is too long for a phone.
      xLabel: result.knobs.map(({ name }) => name.replace("HAKMEM_TINY_", "")).join(" / "),
      yLabel: "M ops/s",
      heightPx: 240,
    }),
    verdict === undefined ? null : element("p", { class: "verdict" }, verdict.sentence),
  );
}

export function abParts(result: AbResult): Child[] {
  const groups = [...new Set(result.cells.map(({ workload }) => workload))].map((workload) => {
    const cells = result.cells.filter((cell) => cell.workload === workload);
    const verdict = result.verdicts.find((candidate) => candidate.workload === workload);
    const dots = cells.map((cell): Dot => {
      const { median, low, high } = cell.opsPerSecond;
      const mark = markOf(cell, verdict);
      const label = valuesOf(result, cell);
      const isBase = cell.ratio === null;
      return { median: median / 1e6, low: low / 1e6, high: high / 1e6, label, mark, isBase };
    });
    return { workload, cells, verdict, dots };
  });
  const [first] = result.cells;
  return [
    notes("caution", result.isInterrupted ? ["Interrupted: not all rounds were measured."] : []),
    first === undefined
      ? hint("No cell was measured.")
      : part(
          "Throughput by setting",
          hint(
            `Millions of operations a second, with the ${formatConfidence(first.opsPerSecond)} ` +
              "interval of the median; higher is faster. " +
              "The dashed line is at the base's median. The vertical axes do not begin at 0.",
          ),
          dotLegend(
            groups.flatMap(({ dots }) => dots),
            MARKS,
          ),
          element(
            "div",
            { class: "panels" },
            ...groups.map(({ workload, dots }) => panel(result, workload, dots)),
          ),
        ),
    first === undefined
      ? null
      : part(
          "Figures",
          ...groups.map(({ workload, cells, verdict }) =>
            table(workload, columns(result), cells, (cell) =>
              markOf(cell, verdict) === "best" ? "ours" : "",
            ),
          ),
        ),
    notes("note", result.notes),
  ];
}

import type uPlot from "uplot";
import type { Spread } from "../../base/results.js";
import { axis, chartBox, type Theme, TICKS_HEIGHT_PX } from "./chart.js";
import { type Child, element } from "./dom.js";

export type Mark = "base" | "best" | "plain";

export interface Dot extends Spread {
  readonly label: string;
  readonly mark: Mark;
  /** Whether the others are compared with it: a dashed line goes through its median. */
  readonly isBase: boolean;
}

interface DotsSpec {
  readonly label: string;
  readonly dots: readonly Dot[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly heightPx: number;
}

const SIGNS: Readonly<Record<Mark, string>> = { base: "○", best: "◆", plain: "●" };

/** What the marks mean; those that no dot has are left out. */
export function dotLegend(dots: readonly Dot[], texts: Readonly<Record<Mark, string>>): Child {
  const marks = (["base", "best", "plain"] as const).filter((mark) =>
    dots.some((dot) => dot.mark === mark),
  );
  const items = marks.map((mark) =>
    element("li", {}, element("span", { class: `sign ${mark}` }, SIGNS[mark]), texts[mark]),
  );
  return element("ul", { class: "legend" }, ...items);
}

function colourOf(theme: Theme, mark: Mark): string {
  return mark === "best" ? theme.mark : mark === "base" ? theme.text : theme.accent;
}

/** Draws the interval as a bar with ends, and the median on it by its mark. */
function drawDot(plot: uPlot, theme: Theme, dot: Dot, at: number): void {
  const { ctx } = plot;
  const scale = devicePixelRatio;
  const x = Math.round(plot.valToPos(at, "x", true));
  const [low, y, high] = [dot.low, dot.median, dot.high].map((value) =>
    Math.round(plot.valToPos(value, "y", true)),
  ) as [number, number, number];
  const end = 4 * scale;
  const radius = (dot.mark === "plain" ? 4 : 5) * scale;
  ctx.strokeStyle = colourOf(theme, dot.mark);
  ctx.fillStyle = dot.mark === "base" ? theme.surface : ctx.strokeStyle;
  ctx.lineWidth = 1.5 * scale;
  ctx.beginPath();
  for (const edge of [low, high]) {
    ctx.moveTo(x - end, edge);
    ctx.lineTo(x + end, edge);
  }
  ctx.moveTo(x, low);
  ctx.lineTo(x, high);
  ctx.stroke();
  ctx.beginPath();
  if (dot.mark === "best") {
    ctx.moveTo(x, y - 1.3 * radius);
    ctx.lineTo(x + 1.3 * radius, y);
    ctx.lineTo(x, y + 1.3 * radius);
    ctx.lineTo(x - 1.3 * radius, y);
    ctx.closePath();
  } else {
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
  }
  ctx.fill();
  ctx.stroke();
}

function drawBaseLine(plot: uPlot, theme: Theme, median: number): void {
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(median, "y", true));
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Where labels would touch, only every second, third ... is shown. */
function stepOf(dots: readonly Dot[], widthPx: number): number {
  const longest = Math.max(...dots.map(({ label }) => label.length));
  return Math.ceil((dots.length * (longest * 7 + 10)) / Math.max(80, widthPx - 90));
}

/** Medians with their intervals, side by side. The vertical axis does not begin at 0. */
export function dotChart(spec: DotsSpec): HTMLElement {
  const { dots } = spec;
  const least = Math.min(...dots.map(({ low }) => low));
  const most = Math.max(...dots.map(({ high }) => high));
  const margin = Math.max((most - least) * 0.12, most * 0.01, 1e-9);
  const base = dots.find(({ isBase }) => isBase);
  return chartBox({
    label: `${spec.label} The figures are in the table.`,
    heightPx: spec.heightPx,
    draw: (theme, widthPx) => {
      const step = stepOf(dots, widthPx);
      return {
        data: [dots.map((_, at) => at), dots.map(({ median }) => median)],
        scales: {
          x: { time: false, range: [-0.6, dots.length - 0.4] },
          y: { range: [least - margin, most + margin] },
        },
        axes: [
          axis(theme, {
            label: spec.xLabel,
            size: TICKS_HEIGHT_PX,
            grid: { show: false },
            splits: () => dots.map((_, at) => at).filter((at) => at % step === 0),
            values: (_plot, splits) => splits.map((at) => dots[at]?.label ?? ""),
          }),
          axis(theme, { label: spec.yLabel, size: 56 }),
        ],
        series: [{}, { paths: () => null, points: { show: false } }],
        legend: { show: false },
        cursor: { show: false },
        padding: [10, 10, 0, 0],
        hooks: {
          draw: [
            (plot) => {
              plot.ctx.save();
              if (base !== undefined) drawBaseLine(plot, theme, base.median);
              dots.forEach((dot, at) => {
                drawDot(plot, theme, dot, at);
              });
              plot.ctx.restore();
            },
          ],
        },
      };
    },
  });
}

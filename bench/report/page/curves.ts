import uPlot from "uplot";
import {
  axis,
  type ChartSpec,
  chartBox,
  dashOf,
  redrawIn,
  type Theme,
  TICKS_HEIGHT_PX,
} from "./chart.js";
import { element } from "./dom.js";

export interface Curve {
  readonly title: string;
  readonly isOurs: boolean;
  /** Of its colour and dash; the same subject has the same in every chart. */
  readonly series: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

interface CurvesSpec {
  readonly label: string;
  readonly curves: readonly Curve[];
  readonly x: { readonly label: string; readonly splits: readonly number[] };
  readonly y: { readonly label: string; readonly isLog: boolean };
  formatX(x: number): string;
  /** A tick of the vertical axis. */
  formatY(y: number): string;
  /** A value at the cursor. */
  formatValue(y: number): string;
}

const AXIS_GUTTER_PX = 66;
const TICK_PX = 52;

/** Ticks that have room for their labels; the last stays. */
function thinOut(splits: readonly number[], widthPx: number): number[] {
  const room = Math.max(2, Math.floor((widthPx - AXIS_GUTTER_PX) / TICK_PX));
  const step = Math.ceil(splits.length / room);
  return splits.filter((_, at) => (splits.length - 1 - at) % step === 0);
}

function rangeOf(isLog: boolean): uPlot.Scale.Range {
  return (_plot, min, max) => {
    if (isLog) return uPlot.rangeLog(Math.max(min, 1), Math.max(max, 10), 10, true);
    return [Math.min(0, min), max > 0 ? max * 1.06 : 1];
  };
}

function seriesOf(curve: Curve, theme: Theme, isShown: boolean): uPlot.Series {
  return {
    label: curve.title,
    show: isShown,
    stroke: theme.series[curve.series % theme.series.length] ?? theme.text,
    width: curve.isOurs ? 3 : 1.5,
    dash: dashOf(curve.series),
    spanGaps: true,
    points: { show: false },
  };
}

/** On a logarithmic axis the powers of ten only; the ticks between them would make a grey wall. */
function gridOf({ y }: CurvesSpec, splits: readonly number[]): (number | null)[] {
  return splits.map((split) => (!y.isLog || Number.isInteger(Math.log10(split)) ? split : null));
}

/** One line of the legend for each curve: it shows the value at the cursor, and hides its curve. */
function legendOf(
  spec: CurvesSpec,
  hidden: Set<number>,
  change: () => void,
): { list: HTMLElement; show: (plot: uPlot) => void } {
  const values = spec.curves.map(() => element("span", { class: "value" }));
  const buttons = spec.curves.map((curve, at) => {
    const key = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    key.setAttribute("viewBox", "0 0 28 8");
    key.setAttribute("class", "key");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", "M0 4H28");
    line.setAttribute("stroke-width", curve.isOurs ? "3" : "2");
    line.setAttribute("stroke-dasharray", dashOf(curve.series).join(" "));
    line.style.stroke = `var(--series-${curve.series % 10})`;
    key.append(line);
    const button = element("button", { type: "button", "aria-pressed": "true" }, key, curve.title);
    button.append(values[at] ?? "");
    button.addEventListener("click", () => {
      if (!hidden.delete(at)) hidden.add(at);
      button.setAttribute("aria-pressed", String(!hidden.has(at)));
      change();
    });
    return element("li", {}, button);
  });
  return {
    list: element("ul", { class: "legend curves" }, ...buttons),
    show: (plot) => {
      values.forEach((value, at) => {
        const y = plot.cursor.idx == null ? null : plot.data[values.length - at]?.[plot.cursor.idx];
        value.textContent = y == null ? "" : spec.formatValue(y);
      });
    },
  };
}

/** Lines over one axis, with a legend. */
export function curves(spec: CurvesSpec): HTMLElement {
  const hidden = new Set<number>();
  // hakmem comes first in the legend and is drawn last, over the others.
  const drawn = spec.curves.map((curve, at) => ({ curve, at })).reverse();
  const data = uPlot.join(drawn.map(({ curve }) => [[...curve.x], [...curve.y]]));
  const legend = legendOf(spec, hidden, () => redrawIn(box));
  const [first = 0] = spec.x.splits;
  const last = spec.x.splits.at(-1) ?? 1;
  const chart: ChartSpec = {
    label: `${spec.label} The figures are in the table.`,
    heightPx: 320,
    draw: (theme, widthPx) => ({
      data,
      scales: {
        x: { time: false, range: [first, last] },
        y: { distr: spec.y.isLog ? 3 : 1, range: rangeOf(spec.y.isLog) },
      },
      axes: [
        axis(theme, {
          label: spec.x.label,
          size: TICKS_HEIGHT_PX,
          splits: () => thinOut(spec.x.splits, widthPx),
          values: (_plot, splits) => splits.map(spec.formatX),
        }),
        axis(theme, {
          label: spec.y.label,
          size: AXIS_GUTTER_PX - 8,
          grid: { stroke: theme.line, width: 1, filter: (_plot, splits) => gridOf(spec, splits) },
          values: (_plot, splits) => splits.map((y) => (y == null ? "" : spec.formatY(y))),
        }),
      ],
      series: [{}, ...drawn.map(({ curve, at }) => seriesOf(curve, theme, !hidden.has(at)))],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      padding: [12, 22, 0, 0],
      hooks: { setCursor: [legend.show] },
    }),
  };
  const box = chartBox(chart);
  return element("figure", {}, element("figcaption", {}, spec.label), box, legend.list);
}

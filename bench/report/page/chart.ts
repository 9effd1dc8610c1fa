import uPlot from "uplot";
import { element } from "./dom.js";

/** Colours and font of the charts, from the style sheet. */
export interface Theme {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly accent: string;
  readonly mark: string;
  readonly series: readonly string[];
  readonly font: string;
}

const SERIES_COLOURS = 10;
/** Of the horizontal axis, without its label. */
export const TICKS_HEIGHT_PX = 28;

/** With ten colours and these, no two lines of twenty look the same. */
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

export function dashOf(series: number): number[] {
  return [...(DASHES[series % DASHES.length] ?? [])];
}

type Drawing = Omit<uPlot.Options, "width" | "height"> & {
  readonly data: uPlot.AlignedData;
};

export interface ChartSpec {
  /** What it shows, in a sentence. */
  readonly label: string;
  readonly heightPx: number;
  draw(theme: Theme, widthPx: number): Drawing;
}

interface Mounted {
  readonly box: HTMLElement;
  readonly spec: ChartSpec;
  plot: uPlot | null;
  widthPx: number;
}

const mounted = new Map<Element, Mounted>();
const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const chart = mounted.get(target);
    if (chart !== undefined && Math.floor(target.clientWidth) !== chart.widthPx) redraw(chart);
  }
});

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: read("text"),
    muted: read("muted"),
    line: read("line"),
    surface: read("surface"),
    accent: read("accent"),
    mark: read("mark"),
    series: Array.from({ length: SERIES_COLOURS }, (_, at) => read(`series-${at}`)),
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
}

function redraw(chart: Mounted): void {
  chart.widthPx = Math.floor(chart.box.clientWidth);
  chart.plot?.destroy();
  chart.plot = null;
  if (chart.widthPx === 0) return;
  const { data, ...options } = chart.spec.draw(readTheme(), chart.widthPx);
  const size = { width: chart.widthPx, height: chart.spec.heightPx };
  chart.plot = new uPlot({ ...options, ...size }, data, chart.box);
}

/** Draws every chart anew: in other colours, or for paper. */
export function redrawAll(): void {
  for (const chart of mounted.values()) redraw(chart);
}

export function redrawIn(box: Element): void {
  const chart = mounted.get(box);
  if (chart !== undefined) redraw(chart);
}

/** A box that is drawn as soon as it has a width, and again when that changes. */
export function chartBox(spec: ChartSpec): HTMLElement {
  const box = element("div", { class: "chart", role: "img", "aria-label": spec.label });
  box.style.height = `${spec.heightPx}px`;
  mounted.set(box, { box, spec, plot: null, widthPx: -1 });
  observer.observe(box);
  return box;
}

export function axis(theme: Theme, given: Partial<uPlot.Axis>): uPlot.Axis {
  return {
    stroke: theme.muted,
    font: theme.font,
    labelFont: theme.font,
    labelSize: 22,
    grid: { stroke: theme.line, width: 1 },
    ticks: { stroke: theme.line, width: 1, size: 5 },
    ...given,
  };
}

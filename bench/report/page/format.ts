import type { Interval, Machine, Spread } from "../../base/results.js";
import { formatCount } from "../../term/format.js";

export { formatCount, formatMegabytes, formatPercent, formatSettings } from "../../term/format.js";

/** What the page shows otherwise than a terminal does. */
export const NONE = "–";

export function toFigures(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** ns without a unit, for a column that names it. */
export function formatNs(ns: number): string {
  return Math.abs(ns) >= 1000 ? formatCount(Math.round(ns)) : toFigures(ns);
}

/** A label of an axis: `10 ns`, `1 µs`. */
export function formatTime(ns: number): string {
  if (ns >= 1e9) return `${ns / 1e9} s`;
  if (ns >= 1e6) return `${ns / 1e6} ms`;
  return ns >= 1e3 ? `${ns / 1e3} µs` : `${ns} ns`;
}

export function formatMillions(opsPerSecond: number): string {
  return toFigures(opsPerSecond / 1e6);
}

export function formatRatio({ median, low, high }: Spread): string {
  const times = (value: number): string => value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
  return `${times(median)}× [${times(low)}, ${times(high)}]`;
}

export function formatConfidence({ confidence }: Interval): string {
  return `${Math.round(1000 * confidence) / 10} %`;
}

/** Bytes of a block as a short label: `64`, `1.25K`, `2M`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  const [size, unit] = bytes < 2 ** 20 ? [bytes / 1024, "K"] : [bytes / 2 ** 20, "M"];
  return `${Number(size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2))}${unit}`;
}

export function formatDate(iso: string): string {
  return iso.replace(/T(\d\d:\d\d).*$/, " $1 UTC");
}

export function formatMachine(machine: Machine): string {
  const { hakmem, node, cpu, cores, platform } = machine;
  return `hakmem ${hakmem} · Node ${node} · ${cpu}, ${cores} cores · ${platform}`;
}

/** Whether two settings say the same, in whatever order. */
export function isSame(
  one: Readonly<Record<string, number>> | null,
  other: Readonly<Record<string, number>> | null,
): boolean {
  if (one === null || other === null) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
  );
}

import type { Interval } from "../base/results.js";

/** Times in ns: `4.43`, `12.3`, `123`, `4.56 ms`. */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return "-";
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`;
  if (ns >= 1e4) return `${(ns / 1e3).toFixed(1)} µs`;
  if (ns >= 100) return ns.toFixed(0);
  return ns >= 10 ? ns.toFixed(1) : ns.toFixed(2);
}

/** Returns bytes in MB of 10^6, as in the docs' tables. */
export function formatMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

export function formatRatio(ratio: number): string {
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio.toFixed(ratio >= 10 ? 1 : 2)}×`;
}

/** Returns the interval, or a dash if there were too few rounds for one. */
export function formatInterval({ low, high, confidence }: Interval): string {
  return confidence < 0.95 ? "-" : `${formatRatio(low)}–${formatRatio(high)}`;
}

export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Returns knobs as a shell would set their variables. */
export function formatSettings(settings: Readonly<Record<string, number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

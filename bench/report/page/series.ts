import type { SubjectResult } from "../../base/results.js";
import { type Curve, curves } from "./curves.js";
import type { Child } from "./dom.js";
import { formatMegabytes, formatNs, formatTime } from "./format.js";

/** hakmem has the first colour, the rivals the others by name: the same in every chart. */
function seriesOf(subjects: readonly SubjectResult[], subject: SubjectResult): number {
  const names = subjects.map(({ name }) => name).filter((name) => name !== "hakmem");
  return subject.name === "hakmem" ? 0 : 1 + names.sort().indexOf(subject.name);
}

const LAST_NINES = 9;

/** A percentile by its nines: 0, 90, 99, 99.9 are 0, 1, 2, 3. */
function toNines(percentile: number): number {
  return percentile >= 100 ? LAST_NINES : -Math.log10(1 - Math.max(0, percentile) / 100);
}

function fromNines(nines: number): string {
  return String(Number((100 * (1 - 10 ** -nines)).toFixed(Math.max(0, nines - 2))));
}

export function latencyCurves(subjects: readonly SubjectResult[]): Child {
  const measured = subjects.filter(({ latency }) => (latency?.curve.length ?? 0) > 1);
  if (measured.length === 0) return null;
  const all = measured.flatMap(({ latency }) => latency?.curve ?? []);
  const finite = all.map(([percentile]) => toNines(percentile)).filter((x) => x < LAST_NINES);
  const hasMax = all.some(([percentile]) => percentile >= 100);
  // The maximum has no place on a scale of nines, so it stands one step after the last.
  const lastNines = Math.max(1, Math.ceil(Math.max(0, ...finite) - 0.01));
  const maxAt = lastNines + 1;
  const list: Curve[] = measured.map((subject) => {
    const points = [...(subject.latency?.curve ?? [])].sort((a, b) => a[0] - b[0]);
    return {
      title: subject.title,
      isOurs: subject.name === "hakmem",
      series: seriesOf(subjects, subject),
      // Rounded, so that subjects share their points whatever the last digits.
      x: points.map(([percentile]) => {
        const nines = toNines(percentile);
        return nines >= LAST_NINES ? maxAt : Math.round(nines * 1e6) / 1e6;
      }),
      // A logarithm has no 0.
      y: points.map(([, ns]) => Math.max(1, ns)),
    };
  });
  return curves({
    label: "Time of one operation by percentile, both axes logarithmic; lower is better.",
    curves: list,
    x: {
      label: "percentile of operations",
      splits: Array.from({ length: lastNines + (hasMax ? 2 : 1) }, (_, at) => at),
    },
    y: { label: "time of an operation", isLog: true },
    formatX: (x) => (hasMax && x === maxAt ? "max" : fromNines(x)),
    formatY: formatTime,
    formatValue: (ns) => `${formatNs(ns)} ns`,
  });
}

function steps(bytes: readonly number[]): number[] {
  return bytes.map((_, at) => Math.round((1e6 * at) / Math.max(1, bytes.length - 1)) / 1e4);
}

export function memoryCurves(subjects: readonly SubjectResult[]): Child {
  const list: Curve[] = [];
  for (const subject of subjects) {
    const given = {
      isOurs: subject.name === "hakmem",
      series: seriesOf(subjects, subject),
    };
    const bytes = subject.memory?.seriesBytes ?? [];
    if (bytes.length > 1) list.push({ ...given, title: subject.title, x: steps(bytes), y: bytes });
    const committed = subject.heap?.seriesBytes ?? [];
    if (committed.length > 1) {
      const title = `${subject.title}, committed in its heap`;
      const series = { isOurs: false, series: subjects.length };
      list.push({ ...series, title, x: steps(committed), y: committed });
    }
  }
  if (list.length === 0) return null;
  return curves({
    label: "Memory held by the process for the workload, in MB of 10⁶ bytes; lower is better.",
    curves: list,
    x: { label: "share of the run's events, %", splits: [0, 20, 40, 60, 80, 100] },
    y: { label: "memory, MB", isLog: false },
    formatX: (x) => `${x}`,
    formatY: (bytes) => String(Number((bytes / 1e6).toPrecision(6))),
    formatValue: (bytes) => `${formatMegabytes(bytes)} MB`,
  });
}

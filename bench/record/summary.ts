import { relative } from "node:path";
import { formatCount, formatMegabytes, formatPercent } from "../term/format.js";
import { printTable } from "../term/table.js";
import { peakOf } from "../workloads/script.js";
import { readTrace } from "../workloads/traceFile.js";
import type { RecordedTrace, RecordReport, Site } from "./settings.js";

const SHOWN_SITES = 10;

interface TraceSummary extends RecordedTrace {
  readonly peakLiveBytes: number;
  readonly peakLiveBlocks: number;
  /** Blocks that were live when recording ended. */
  readonly leftBlocks: number;
}

/** What `--json` writes. */
export interface RecordResult {
  readonly kind: "hakmem record";
  readonly version: 1;
  readonly program: readonly string[];
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly traces: readonly TraceSummary[];
  readonly sites: readonly Site[];
  readonly heapsLeftOut: number;
}

/** Returns a path as one would type it here. */
export function shorten(file: string): string {
  const near = relative(process.cwd(), file);
  return near.startsWith("..") ? file : near;
}

export function summarize(traces: RecordReport["traces"]): TraceSummary[] {
  return traces.map((recorded) => {
    const trace = readTrace(recorded.file);
    const { bytes: peakLiveBytes, blocks: peakLiveBlocks, leftBlocks } = peakOf(trace);
    return { ...recorded, peakLiveBytes, peakLiveBlocks, leftBlocks };
  });
}

/** Only the collector tells when a buffer is gone: late, or never in a short run. */
function printLifetimes(traces: readonly TraceSummary[]): void {
  const buffers = traces.find(({ source }) => source === "buffers");
  if (buffers === undefined) return;
  const made = (buffers.events + buffers.leftBlocks) / 2;
  const share = formatPercent(buffers.leftBlocks / Math.max(1, made));
  console.log(
    `\nLifetimes of buffers are the collector's: ${share} of them were never seen freed, and ` +
      "peak live is what the collector let live, not what the program needs.",
  );
}

function printTraces(traces: readonly TraceSummary[]): void {
  printTable(
    [
      { name: "file", title: "trace", align: "left" },
      { name: "source", title: "of", align: "left" },
      { name: "events", title: "events" },
      { name: "bytes", title: "peak live MB" },
      { name: "blocks", title: "peak live blocks" },
    ],
    traces.map((trace) => ({
      file: shorten(trace.file),
      source: trace.source === "heap" ? "a hakmem heap" : "Buffer and Uint8Array",
      events: formatCount(trace.events),
      bytes: formatMegabytes(trace.peakLiveBytes),
      blocks: formatCount(trace.peakLiveBlocks),
    })),
  );
  for (const trace of traces.filter(({ isFull }) => isFull)) {
    console.log(`${shorten(trace.file)} ends before the program did: no room for more events.`);
  }
}

function printSites(sites: readonly Site[]): void {
  if (sites.length === 0) return;
  const all = sites.reduce((sum, site) => sum + site.count, 0);
  console.log("\nWhere buffers are made (estimated from samples):");
  printTable(
    [
      { name: "place", title: "place", align: "left" },
      { name: "functionName", title: "function", align: "left" },
      { name: "count", title: "count" },
      { name: "share", title: "share" },
      { name: "bytes", title: "MB" },
      { name: "mean", title: "mean bytes" },
    ],
    sites.slice(0, SHOWN_SITES).map((site) => ({
      place: site.place,
      functionName: site.functionName || "-",
      count: formatCount(site.count),
      share: formatPercent(site.count / Math.max(1, all)),
      bytes: formatMegabytes(site.bytes),
      mean: formatCount(Math.round(site.bytes / Math.max(1, site.count))),
    })),
  );
}

export function printSummary({ traces, sites, heapsLeftOut }: RecordResult): void {
  printTraces(traces);
  if (heapsLeftOut > 0) {
    console.log(`${formatCount(heapsLeftOut)} more heaps had fewer events; not written.`);
  }
  printLifetimes(traces);
  printSites(sites);
}

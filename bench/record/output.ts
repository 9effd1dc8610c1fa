import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { encodeTrace, type Trace } from "../../src/trace/format.js";
import type { Recording } from "../../src/trace/recorder.js";
import type { BufferLog } from "./buffers.js";
import type { RecordedTrace, RecordReport, RecordSettings } from "./settings.js";

/** The originals, before the program can change them. */
const write = writeFileSync;
const gzip = gzipSync;

/** A program may make any number of heaps; the busiest are written. */
const MAX_HEAP_TRACES = 16;

interface Part {
  readonly source: RecordedTrace["source"];
  readonly isFull: boolean;
  readonly events: number;
  toTrace(): Trace;
}

/** `dir/out.hkt.gz` becomes `dir/out-2.hkt.gz`. */
function withSuffix(file: string, suffix: string): string {
  return file.replace(/((?:\.[^./\\]+){0,2})$/, `-${suffix}$1`);
}

function busiest(used: readonly Recording[]): Part[] {
  const least = used.map((heap) => heap.eventCount).sort((a, b) => b - a)[MAX_HEAP_TRACES - 1] ?? 0;
  const chosen = used.filter((heap) => heap.eventCount >= least).slice(0, MAX_HEAP_TRACES);
  return chosen.map((heap) => ({
    source: "heap",
    isFull: heap.isFull,
    events: heap.eventCount,
    toTrace: () => heap.toTrace(),
  }));
}

function partOfBuffers({ writer }: BufferLog): Part[] {
  if (writer.eventCount === 0) return [];
  const { isFull, eventCount: events } = writer;
  return [{ source: "buffers", isFull, events, toTrace: () => writer.toTrace() }];
}

function fileOf(out: string, part: Part, index: number): string {
  if (index === 0) return out;
  return withSuffix(out, part.source === "buffers" ? "buffers" : String(index + 1));
}

/** The heaps' traces come in the order they were made, the buffers' trace last. */
export function writeRecord(
  settings: RecordSettings,
  heaps: readonly Recording[],
  buffers: BufferLog,
): void {
  const traces: RecordedTrace[] = [];
  const errors: string[] = [];
  const used = heaps.filter((heap) => heap.eventCount > 0);
  const chosen = busiest(used);
  const parts = [...chosen, ...partOfBuffers(buffers)];
  parts.forEach((part, index) => {
    const file = fileOf(settings.out, part, index);
    const { source, events, isFull } = part;
    try {
      const bytes = encodeTrace(part.toTrace());
      write(file, file.endsWith(".gz") ? gzip(bytes) : bytes);
      traces.push({ file, source, events, isFull });
    } catch (error) {
      errors.push(`cannot write ${file}: ${(error as Error).message}`);
    }
  });
  const sites = buffers.sites.toSites();
  const heapsLeftOut = used.length - chosen.length;
  const report: RecordReport = { traces, sites, heapsLeftOut, errors };
  write(settings.report, JSON.stringify(report));
}

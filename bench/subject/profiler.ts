import { Session } from "node:inspector/promises";
import type { FunctionRange, SourceFile, V8Profile } from "./v8.js";

export interface Profiler {
  stop(): Promise<V8Profile>;
}

interface Script {
  readonly scriptId: string;
  readonly url: string;
}

interface Coverage extends Script {
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number }[];
  }[];
}

/** Profiles this process from now on. */
export async function startProfiler(intervalUs: number): Promise<Profiler> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: intervalUs });
  await session.post("Profiler.start");
  return {
    async stop() {
      const { profile } = await session.post("Profiler.stop");
      const sources = await readSources(session);
      session.disconnect();
      return { ...profile, sources };
    },
  };
}

/**
 * Returns where the functions are that have run. V8 knows, so no parser is needed. It is read when
 * the profile is complete, so that it costs the profiled code nothing.
 */
async function readSources(session: Session): Promise<SourceFile[]> {
  const coverage = await session.post("Profiler.getBestEffortCoverage");
  await session.post("Debugger.enable");
  const files: SourceFile[] = [];
  for (const script of coverage.result as readonly Coverage[]) {
    if (!script.url.startsWith("file:")) continue;
    const { scriptSource } = await session.post("Debugger.getScriptSource", {
      scriptId: script.scriptId,
    });
    files.push({ url: script.url, functions: toRanges(script, scriptSource) });
  }
  return files;
}

function toRanges(script: Coverage, text: string): FunctionRange[] {
  const ends: number[] = [];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) ends.push(at);
  return script.functions.map(({ functionName, ranges }) => {
    const { startOffset = 0, endOffset = 0 } = ranges[0] ?? {};
    const isModule = startOffset === 0 && functionName === "";
    // A file is loaded behind empty lines, which are not its code.
    const start = isModule ? Math.max(0, text.search(/\S/)) : startOffset;
    return {
      name: functionName,
      startLine: lineOf(ends, start),
      endLine: lineOf(ends, endOffset),
      isModule,
    };
  });
}

/** Returns the line of an offset, counted from 1: one more than the lines that end before it. */
function lineOf(ends: readonly number[], offset: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}

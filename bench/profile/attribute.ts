import type { FunctionRange, ProfileNode, SourceFile, V8Profile } from "../subject/v8.js";

/** A function and the samples that hit its own code. */
export interface Attributed {
  readonly name: string;
  readonly url: string;
  /** Counted from 1; 0 if there is none. */
  readonly line: number;
  /** The nearest caller with a file, for what has none: a builtin, the collector. */
  readonly caller: { readonly name: string; readonly url: string } | null;
  samples: number;
}

export interface Attribution {
  readonly functions: readonly Attributed[];
  /** All samples but those that found the process idle. */
  readonly samples: number;
  /** Samples on a line of several functions' files, counted for the caller. */
  readonly ambiguous: number;
  /** Samples on no known line, counted for the caller. */
  readonly unknown: number;
}

type Caller = Attributed["caller"];

/**
 * Returns self time by function. Inlined functions stand by themselves.
 *
 * V8 counts a sample in an inlined function for the function whose machine code it is, but tells
 * the line in the inlined function's own file. It does not tell the file. A line that belongs to
 * functions in several files is counted for the caller.
 */
export function attribute(profile: V8Profile): Attribution {
  const tally = new Tally(profile.sources ?? []);
  const callers = callersOf(profile.nodes);
  for (const node of profile.nodes) {
    const name = node.callFrame.functionName;
    if (name !== "(idle)" && name !== "(root)") tally.addNode(node, callers.get(node.id) ?? null);
  }
  const functions = [...tally.byKey.values()].filter(({ samples }) => samples > 0);
  const samples = functions.reduce((sum, own) => sum + own.samples, 0);
  return { functions, samples, ambiguous: tally.ambiguous, unknown: tally.unknown };
}

/** Returns, by node, the nearest caller that has a file. */
function callersOf(nodes: readonly ProfileNode[]): Map<number, Caller> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map<number, Caller>();
  const open: [node: ProfileNode, caller: Caller][] = nodes.slice(0, 1).map((root) => [root, null]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, caller] = next;
    if (callers.has(node.id)) continue;
    callers.set(node.id, caller);
    const { url, functionName: name } = node.callFrame;
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) open.push([child, url === "" ? caller : { name, url }]);
    }
  }
  return callers;
}

interface Place {
  readonly url: string;
  readonly range: FunctionRange;
}

class Tally {
  readonly byKey: Map<string, Attributed> = new Map();
  readonly #files: readonly SourceFile[];
  ambiguous = 0;
  unknown = 0;

  constructor(files: readonly SourceFile[]) {
    this.#files = files;
  }

  addNode(node: ProfileNode, caller: Caller): void {
    const { functionName: name, url, lineNumber } = node.callFrame;
    const ticks = node.positionTicks ?? [];
    const hits = node.hitCount ?? ticks.reduce((sum, tick) => sum + tick.ticks, 0);
    const own = this.#entry(name, url, lineNumber + 1, caller);
    if (!this.#files.some((file) => file.url === url)) {
      own.samples += hits;
      return;
    }
    let left = hits;
    for (const { line, ticks: count } of ticks) {
      const samples = Math.min(count, left);
      left -= samples;
      this.#place(node, line, samples, own);
    }
    own.samples += left;
    this.unknown += left;
  }

  #place(node: ProfileNode, line: number, samples: number, own: Attributed): void {
    const { url, functionName, lineNumber } = node.callFrame;
    const isModule = functionName === "" && lineNumber <= 0;
    const places = this.#files.flatMap((file) =>
      innermost(file, line, isModule && file.url === url),
    );
    const [place] = places;
    if (place === undefined) this.unknown += samples;
    else if (places.length > 1) this.ambiguous += samples;
    const isOwn = place?.url === url && place.range.startLine === own.line;
    const isCertain = places.length === 1 && place !== undefined;
    if (!isCertain || isOwn || place.range.isModule) own.samples += samples;
    else this.#entry(place.range.name, place.url, place.range.startLine, null).samples += samples;
  }

  #entry(name: string, url: string, line: number, caller: Caller): Attributed {
    const isNative = url === "";
    const key = JSON.stringify([name, url, line, isNative ? caller : null]);
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const entry = { name, url, line, caller: isNative ? caller : null, samples: 0 };
    this.byKey.set(key, entry);
    return entry;
  }
}

/** Returns the smallest function that has the line. Top levels are never inlined. */
function innermost(file: SourceFile, line: number, mayBeModule: boolean): Place[] {
  let found: FunctionRange | undefined;
  for (const range of file.functions) {
    if (range.isModule && !mayBeModule) continue;
    if (line < range.startLine || line > range.endLine) continue;
    const lines = found === undefined ? Infinity : found.endLine - found.startLine;
    if (range.endLine - range.startLine < lines) found = range;
  }
  return found === undefined ? [] : [{ url: file.url, range: found }];
}

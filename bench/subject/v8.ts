/** A function's place in its file. Lines count from 1, as those of a profile's ticks do. */
export interface FunctionRange {
  readonly name: string;
  readonly startLine: number;
  readonly endLine: number;
  /** Whether it is the file's top level, which V8 never inlines. */
  readonly isModule: boolean;
}

export interface SourceFile {
  readonly url: string;
  readonly functions: readonly FunctionRange[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** Counts from 0; -1 if there is none. */
    readonly lineNumber: number;
  };
  readonly hitCount?: number | undefined;
  readonly children?: readonly number[] | undefined;
  /** Samples by line, counted from 1: in the file of the function that was inlined, if one was. */
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[] | undefined;
}

/** What V8 writes in a `.cpuprofile`, and where the functions are, which it does not. */
export interface V8Profile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples?: readonly number[] | undefined;
  /** µs before each sample. */
  readonly timeDeltas?: readonly number[] | undefined;
  readonly sources?: readonly SourceFile[] | undefined;
}

function isNode(value: unknown): value is ProfileNode {
  const { id, callFrame } = value as Partial<ProfileNode>;
  return typeof id === "number" && typeof callFrame?.functionName === "string";
}

export function isProfile(value: unknown): value is V8Profile {
  if (typeof value !== "object" || value === null) return false;
  const { nodes, startTime, endTime } = value as Partial<V8Profile>;
  if (typeof startTime !== "number" || typeof endTime !== "number") return false;
  return Array.isArray(nodes) && nodes.every((node) => node instanceof Object && isNode(node));
}

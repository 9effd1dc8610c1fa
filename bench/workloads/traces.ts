/** The recorded traces of real programs. */
export const TRACES = ["sqlite", "redis", "python", "nginx"] as const;

/** Returns a trace's file, from the folder of this package. */
export function traceFileOf(name: (typeof TRACES)[number]): string {
  return `bench/traces/${name}.hkt.gz`;
}

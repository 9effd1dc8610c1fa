/** What a server tells the study: its port first, then figures when it is asked. */
import { PerformanceObserver } from "node:perf_hooks";

export interface Costs {
  readonly gcMs: number;
  readonly rss: number;
  readonly external: number;
  readonly cpuMs: number;
}

/** Tells the port of a server, and answers "begin" and "end" from the process that started it. */
export function report(port: number, check: () => object): void {
  let gcMs = 0;
  let cpuMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gcMs += entry.duration;
  });
  observer.observe({ entryTypes: ["gc"] });
  process.on("message", (asked) => {
    const { user, system } = process.cpuUsage();
    if (asked === "begin") {
      gcMs = 0;
      cpuMs = (user + system) / 1000;
    }
    const { rss, external } = process.memoryUsage();
    const spent = (user + system) / 1000 - cpuMs;
    // The observer hears of a collection one turn of the event loop later. A check reads the whole
    // header map of the heap, so figures are taken before it: the map may stay resident.
    const checked = asked === "end" ? check : () => ({});
    setTimeout(() => process.send?.({ gcMs, rss, external, cpuMs: spent, ...checked() }), 10);
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ port });
}

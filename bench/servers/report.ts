/** What a server tells the study: its port first, then figures when it is asked. */
import type { AddressInfo, Server } from "node:net";
import { PerformanceObserver } from "node:perf_hooks";

export interface Costs {
  readonly gcMs: number;
  readonly rss: number;
  readonly external: number;
  readonly cpuMs: number;
}

/** Listens on 127.0.0.1, and answers "begin" and "end" from the process that started it. */
export function report(server: Server, check: () => object): void {
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
  server.listen(0, "127.0.0.1", () => {
    process.send?.({ port: (server.address() as AddressInfo).port });
  });
}

/** What a broker tells the study: its port first, then its costs whenever it is asked. */
import type { AddressInfo, Server } from "node:net";
import { PerformanceObserver } from "node:perf_hooks";

export interface Costs {
  readonly userMs: number;
  readonly systemMs: number;
  readonly gcMs: number;
  readonly rss: number;
}

/** Listens on 127.0.0.1, and answers each message with what it has cost so far. */
export function report(server: Server): void {
  let gcMs = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gcMs += entry.duration;
  }).observe({ entryTypes: ["gc"] });
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    const rss = process.memoryUsage.rss();
    // The observer hears of a collection one turn of the event loop later.
    setTimeout(() => {
      const costs: Costs = { userMs: user / 1000, systemMs: system / 1000, gcMs, rss };
      process.send?.(costs);
    }, 10);
  });
  process.on("disconnect", () => process.exit());
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

import { buildProcesses } from "../../studies/build.js";

export const FOLDER = "build/broker";
/** In plain Buffers. */
export const PLAIN = ["plain", "corked", "coalesced"] as const;
export const BROKERS = [...PLAIN, "hakmem"] as const;
export type Broker = (typeof BROKERS)[number];

export function buildBrokers(): void {
  const names = [...BROKERS, "load"];
  buildProcesses(
    FOLDER,
    names.map((name) => `bench/servers/broker/${name}.ts`),
  );
}

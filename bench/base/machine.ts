import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { asset } from "./assets.js";
import type { Machine } from "./results.js";

const manifest = JSON.parse(readFileSync(asset("../package.json"), "utf8")) as { version: string };
export const version: string = manifest.version;

/** Returns what the figures were measured on. */
export function readMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown CPU",
    cores: all.length,
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    hakmem: version,
    date: new Date().toISOString(),
  };
}

export function describeMachine(machine: Machine): string {
  return `hakmem ${machine.hakmem}, Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores`;
}

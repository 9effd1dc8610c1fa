import { buildProcesses } from "../studies/build.js";

const FOLDER = "build/servers";
export const SERVERS = ["plain", "pooled"] as const;
export type ServerName = (typeof SERVERS)[number];

/** Returns the built file of a server. */
export function serverFile(name: ServerName): string {
  return `${FOLDER}/${name}.js`;
}

export function buildServers(): void {
  const files = SERVERS.map((name) => `bench/servers/${name}.ts`);
  buildProcesses(FOLDER, files);
}

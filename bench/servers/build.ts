import { buildSync } from "esbuild";
import { restoreConstants } from "../studies/constants.js";

const FOLDER = "build/servers";
export const SERVERS = ["plain", "pooled"] as const;
export type ServerName = (typeof SERVERS)[number];

export function serverFile(name: ServerName): string {
  return `${FOLDER}/${name}.js`;
}

/** Built, so that the servers' memory is theirs and not a compiler's. */
export function buildServers(): void {
  const entryPoints = SERVERS.map((name) => `bench/servers/${name}.ts`);
  const common = { outdir: FOLDER, bundle: true, format: "esm", platform: "node" } as const;
  buildSync({ ...common, entryPoints, target: "node20", packages: "external" });
  for (const name of SERVERS) restoreConstants(serverFile(name));
}

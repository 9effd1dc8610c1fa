import { readFileSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";

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

/** esbuild makes `var` of top-level constants, which V8 checks on every use: see tsup.config.ts. */
function restoreConstants(file: string): void {
  const code = readFileSync(file, "utf8");
  const constants = code.replace(/^var (?=([\w$]+) = )/gm, (_, name: string) => {
    const writes = code.match(new RegExp(`\\b${name} [-+*]?= `, "g")) ?? [];
    return writes.length > 1 ? "let " : "const ";
  });
  writeFileSync(file, constants);
}

import { readFileSync } from "node:fs";

/** Returns a C file with the files beside it that it includes: the package ships one file. */
export function joinSource(file: URL): string {
  return readFileSync(file, "utf8").replace(/^#include "(.*)"$/gm, (_, name: string) =>
    readFileSync(new URL(name, file), "utf8"),
  );
}

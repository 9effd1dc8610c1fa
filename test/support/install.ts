import { mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Makes a temporary folder in which hakmem is installed, and returns its path. */
export function makeInstalled(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(resolve("."), join(folder, "node_modules", "hakmem"), "junction");
  return folder;
}

/**
 * Returns the environment without `HAKMEM_*` variables, and without CI, under which Node shows no
 * colours on any terminal.
 */
export function cleanEnv(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("HAKMEM_") && name !== "CI",
  );
  return { ...Object.fromEntries(own), ...more };
}

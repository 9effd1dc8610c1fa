import { mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** A new folder for temporary files in which hakmem is installed. */
export function makeInstalled(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(resolve("."), join(folder, "node_modules", "hakmem"), "junction");
  return folder;
}

/**
 * The environment without the tests' own variables, which are no knobs, and without CI, under which
 * Node shows no colours on any terminal.
 */
export function cleanEnv(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("HAKMEM_") && name !== "CI",
  );
  return { ...Object.fromEntries(own), ...more };
}

import { cpSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const COPIED = [
  "src",
  "test",
  "package.json",
  "tsconfig.json",
  "tsconfig.tools.json",
  "vitest.config.ts",
];

/** Returns the folder of a copy of the project, into whose sources a fault may be planted. */
export function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "hakmem-planted-"));
  for (const name of COPIED) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
  return folder;
}

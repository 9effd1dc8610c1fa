import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeScript, type Script } from "../script.js";

/** Writes a script where the subjects' processes can read it, while `use` runs. */
export async function withScriptFile<T>(
  script: Script,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "hakmem-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.on("exit", remove);
  try {
    const file = join(folder, "script");
    writeFileSync(file, new Uint8Array(encodeScript(script).buffer));
    return await use(file);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

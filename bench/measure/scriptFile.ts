import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { splitScript } from "../subject/workers/split.js";
import { encodeSplit } from "../subject/workers/splitFile.js";
import { encodeScript, type Script, workersOf } from "../workloads/script.js";

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
    writeScript(file, script);
    return await use(file);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** A script of several workers has a second file, for the native subject. */
export function writeScript(file: string, script: Script): void {
  const write = (name: string, words: Int32Array): void =>
    writeFileSync(name, new Uint8Array(words.buffer));
  write(file, encodeScript(script));
  if (script.workers === undefined) return;
  write(`${file}.workers`, encodeSplit(splitScript(script, workersOf(script))));
}

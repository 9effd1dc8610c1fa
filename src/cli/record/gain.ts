import type { Session } from "../session.js";

/** What the recorded program would gain. */
export async function showGain(file: string, _session: Session): Promise<void> {
  console.log("\nWhat hakmem would make of it:");
  console.log(`  hakmem bench replay ${file} --against buffer,uint8array`);
}

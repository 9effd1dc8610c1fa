import type { Command } from "commander";
import type { Session } from "../session.js";

export function registerBench(program: Command, _session: Session): void {
  program.command("bench").description("to come");
}

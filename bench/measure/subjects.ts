import type { HeapOptions } from "../../src/index.js";
import type { Skipped } from "../base/results.js";
import { FLOOR } from "../rivals/floor.js";
import { findNatives, type Natives } from "../rivals/native.js";
import { isNative } from "../rivals/table.js";
import { checkerCommand, type SubjectCommand, scriptCommand } from "./subjectProcess.js";

/** How a subject's processes are started on a script. */
export interface Commands {
  readonly name: string;
  readonly command: SubjectCommand;
  /** The process of the checking pass. */
  readonly checker: SubjectCommand;
}

/** The subjects that a run wants: those that this machine has, and why it lacks the others. */
export class Subjects {
  readonly names: readonly string[];
  readonly skipped: readonly Skipped[];
  readonly #natives: Natives;

  private constructor(wanted: readonly string[], natives: Natives) {
    const isFound = (name: string): boolean =>
      !isNative(name) || natives.found.some((native) => native.name === name);
    this.names = wanted.filter(isFound);
    this.skipped = wanted
      .filter((name) => !isFound(name))
      .map((name) => ({ name, reason: reasonOf(name, natives) }));
    this.#natives = natives;
  }

  /** Finds the subjects. It looks for native ones, and builds their process, only if wanted. */
  static async find(wanted: readonly string[]): Promise<Subjects> {
    const natives = wanted.some(isNative) ? await findNatives() : { found: [], missing: [] };
    return new Subjects(wanted, natives);
  }

  /** Returns how each subject that was found is started on a script's file. */
  commandsFor(file: string, options: Partial<HeapOptions>): Commands[] {
    return this.names.map((name) => {
      const native = this.#natives.found.find((found) => found.name === name);
      if (native !== undefined) {
        const command = { name, program: native.command, args: [file], env: native.env };
        return { name, command, checker: command };
      }
      // Counting hits and misses costs time: only the checking pass does it.
      const checker = checkerCommand(name, file, { ...options, frontStats: true });
      return { name, command: scriptCommand(name, file, options), checker };
    });
  }

  /** Returns the loop without an allocator: in JavaScript, and in C if its process was built. */
  floorCommands(file: string): SubjectCommand[] {
    const [native] = this.#natives.found;
    const script = { ...scriptCommand(FLOOR, file, {}), name: "JavaScript" };
    if (native === undefined) return [script];
    const env = { ...native.env, LD_PRELOAD: undefined };
    return [script, { name: "C", program: native.command, args: [file, FLOOR], env }];
  }
}

function reasonOf(name: string, { missing }: Natives): string {
  return missing.find((native) => native.name === name)?.reason ?? "not found";
}

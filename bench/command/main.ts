#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { HeapError, type HeapOptions, optionsFromEnv } from "../../src/index.js";
import { version } from "../base/machine.js";
import { RunError, type Session, UsageError } from "../base/session.js";
import { registerAb } from "./ab.js";
import { registerBench } from "./bench.js";
import { registerInspect } from "./inspect.js";
import { registerProfile } from "./profile.js";
import { registerRecord } from "./record.js";
import { registerReport } from "./report.js";
import { registerTune } from "./tune.js";

const COMMANDS = [
  registerBench,
  registerAb,
  registerProfile,
  registerRecord,
  registerTune,
  registerReport,
  registerInspect,
];

function createProgram(session: Session): Command {
  const program = new Command("hakmem")
    .description("Measures, tunes and inspects the hakmem allocator.")
    .version(version)
    .configureOutput({ outputError: (text, write) => write(toLine(text)) })
    .exitOverride();
  for (const register of COMMANDS) register(program, session);
  return program;
}

/** Returns commander's message, which may have several lines, as one line like all errors. */
function toLine(text: string): string {
  return `hakmem: ${text
    .trim()
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")}\n`;
}

/** Ctrl-C once: drop the round and show what there is. Twice: end at once. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

/** The environment is read when a command asks, so that `--help` works despite a wrong knob. */
function createSession(): Session {
  const signal = abortOnSignals();
  let options: Partial<HeapOptions> | undefined;
  return {
    signal,
    get options() {
      options ??= optionsFromEnv(process.env);
      return options;
    },
  };
}

function toExitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`hakmem: ${message}\n`);
  if (error instanceof UsageError) return 2;
  if (error instanceof HeapError && error.code === "ERR_INVALID_OPTION") return 2;
  if (!(error instanceof RunError) && error instanceof Error && process.env.DEBUG) {
    process.stderr.write(`${error.stack}\n`);
  }
  return 1;
}

try {
  // A reader that stops early, such as `head`, is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  await createProgram(createSession()).parseAsync();
} catch (error) {
  process.exitCode = toExitCode(error);
}

import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import { isatty } from "node:tty";
import { asset } from "../base/assets.js";
import { RunError, type Session, UsageError } from "../base/session.js";
import { type RecordSettings, SETTINGS_VARIABLE } from "./settings.js";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const ACCEPTED = 'a program of Node: "-- node app.js args", or a script as in "-- app.js args"';

/** The node binary and its arguments. @throws {UsageError} for another program. */
export function commandLineOf(program: readonly string[]): [binary: string, args: string[]] {
  const [first = "", ...rest] = program;
  if (/^node(\.exe)?$/i.test(basename(first))) {
    if (rest.length === 0) throw new UsageError(`node needs a script; record takes ${ACCEPTED}`);
    return [basename(first) === first ? process.execPath : first, rest];
  }
  if (!/\.[cm]?[jt]s$/.test(first)) {
    throw new UsageError(`cannot record ${first}; record takes ${ACCEPTED}`);
  }
  if (statSync(first, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new UsageError(`no script ${first}; record takes ${ACCEPTED}`);
  }
  return [process.execPath, [...program]];
}

function environmentOf(settings: RecordSettings): NodeJS.ProcessEnv {
  // A URL has no spaces to quote.
  const own = `--import=${asset("preload.js").href}`;
  const { nodeOptions } = settings;
  return {
    ...process.env,
    NODE_OPTIONS: nodeOptions === null ? own : `${own} ${nodeOptions}`,
    [SETTINGS_VARIABLE]: JSON.stringify(settings),
  };
}

/**
 * Runs the program on this terminal. Ctrl-C reaches it from the terminal; where there is none, it
 * is passed on. Its output goes to standard error if standard output is kept for a result.
 */
export function runProgram(
  program: readonly string[],
  settings: RecordSettings,
  session: Session,
  keepsOutput: boolean,
): Promise<Exit> {
  const [binary, args] = commandLineOf(program);
  const child = spawn(binary, args, {
    stdio: ["inherit", keepsOutput ? 2 : "inherit", "inherit"],
    env: environmentOf(settings),
  });
  const passOn = (signal: NodeJS.Signals) => (): void => {
    child.kill(signal);
  };
  const isOnTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  const onAbort = isOnTerminal ? () => {} : passOn("SIGINT");
  const onTerminate = passOn("SIGTERM");
  // Ctrl-C twice ends the command at once, and a program that does not react must not go on alone.
  const onExit = passOn("SIGKILL");
  session.signal.addEventListener("abort", onAbort);
  process.on("SIGTERM", onTerminate);
  process.on("exit", onExit);
  return new Promise<Exit>((resolve, reject) => {
    child.on("error", (error) => reject(new RunError(`cannot run ${binary}: ${error.message}`)));
    child.on("close", (code, signal) => resolve({ code, signal }));
  }).finally(() => {
    session.signal.removeEventListener("abort", onAbort);
    process.off("SIGTERM", onTerminate);
    process.off("exit", onExit);
  });
}

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { HeapOptions } from "../../src/index.js";
import { asset } from "../base/assets.js";
import { toEnv } from "../base/knobs.js";
import type { Answer, Failure, Request } from "../subject/protocol.js";

/** How a subject's process is started. */
export interface SubjectCommand {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A subject could not be started or has failed. The others go on without it. */
class SubjectFailed extends Error {
  override readonly name: string = "SubjectFailed";
}

/** Time beyond a pass's limit that starting, reading the script and freeing may take. */
const GRACE_MS = 60_000;

/** Returns the environment without this process's knobs. */
function plainEnv(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("HAKMEM_"));
  return Object.fromEntries(own);
}

/** Returns how hakmem, or a rival in JavaScript or wasm, is started on a script. */
export function scriptCommand(
  name: string,
  scriptFile: string,
  options: Partial<HeapOptions>,
  flags: readonly string[] = [],
): SubjectCommand {
  const subject = fileURLToPath(asset("subject.js"));
  const args = ["--expose-gc", ...flags, subject, name, scriptFile];
  return { name, program: process.execPath, args, env: { ...plainEnv(), ...toEnv(options) } };
}

/**
 * Returns how the process of the checking pass, which measures memory, is started. On a thread of
 * its own, V8's optimising compiler keeps 5 to 15 MB that belong to no subject; on the main thread
 * it gives them back.
 */
export function checkerCommand(
  name: string,
  scriptFile: string,
  options: Partial<HeapOptions>,
): SubjectCommand {
  return scriptCommand(name, scriptFile, options, ["--no-concurrent-recompilation"]);
}

/** A subject's process. It is asked for one pass after another. */
export class SubjectProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** Resolves when its exit code and all its output are known. */
  readonly #ended: Promise<void>;
  #errors = "";
  #isLate = false;

  /** The process has a group of its own, because the command handles Ctrl-C and ends it itself. */
  constructor({ name, program, args, env }: SubjectCommand) {
    this.name = name;
    this.#child = spawn(program, [...args], { env, detached: true, stdio: "pipe" });
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", () => resolve());
      this.#child.on("error", (error) => {
        this.#errors += error.message;
        resolve();
      });
    });
    this.#child.stdin?.on("error", () => {});
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-4096);
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** @throws {SubjectFailed} if the process ended, failed, or did not answer in time. */
  async ask<R extends Request>(request: R): Promise<Answer<R>> {
    const limitMs = "limitMs" in request ? request.limitMs : 0;
    const timer = setTimeout(() => {
      this.#isLate = true;
      this.stop();
    }, limitMs + GRACE_MS);
    try {
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await this.#lines.next();
      if (done === true) {
        await this.#ended;
        throw new SubjectFailed(this.#lastWords(request));
      }
      const answer = JSON.parse(value as string) as Answer<R> | Failure;
      if ("error" in answer) throw new SubjectFailed((answer as Failure).error);
      return answer as Answer<R>;
    } catch (error) {
      this.stop();
      throw error instanceof SubjectFailed ? error : new SubjectFailed((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  #lastWords({ pass }: Request): string {
    const line = this.#errors.split("\n").find((text) => /error/i.test(text)) ?? this.#errors;
    const { signalCode, exitCode } = this.#child;
    const end = this.#isLate ? "took too long" : `ended with ${signalCode ?? exitCode}`;
    return line.trim() === "" ? `its process ${end} during the ${pass} pass` : line.trim();
  }
}

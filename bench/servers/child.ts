import { type ChildProcess, fork } from "node:child_process";

/** A process of a study, which answers by messages. */
export class Child {
  readonly #child: ChildProcess;
  readonly #name: string;
  /** Why the process could not be started or reached. */
  #failure: Error | undefined;

  /** Starts a built file. */
  constructor(name: string, file: string, args: readonly string[] = []) {
    this.#name = name;
    this.#child = fork(file, args, { execArgv: [] });
    this.#child.on("error", (error) => {
      this.#failure = error;
    });
  }

  /** Resolves with the next message. @throws Error when the process ends before */
  answer(): Promise<unknown> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        release();
        reject(this.#end());
      };
      const take = (message: unknown): void => {
        release();
        resolve(message);
      };
      const release = (): void => {
        child.off("exit", fail).off("error", fail).off("message", take);
      };
      child.on("exit", fail).on("error", fail).on("message", take);
      if (this.#isOver()) fail();
    });
  }

  /** Rejects when the process ends. */
  ended(): Promise<never> {
    return new Promise((_, reject) => {
      if (this.#isOver()) reject(this.#end());
      else this.#child.once("exit", () => reject(this.#end()));
    });
  }

  /** Sends a message, and resolves with the one that comes next. */
  ask(what: string): Promise<unknown> {
    const answer = this.answer();
    this.#child.send(what);
    return answer;
  }

  /** Ends the process, and resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.#isOver()) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill();
    await ended;
  }

  #end(): Error {
    const { exitCode, signalCode } = this.#child;
    return this.#failure ?? new Error(`${this.#name} ended with ${signalCode ?? exitCode}`);
  }

  /** Returns whether the process has ended or was never there. */
  #isOver(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }
}

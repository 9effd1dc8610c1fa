import { type ChildProcess, execFile, fork } from "node:child_process";
import { promisify } from "node:util";
import { type ServerName, serverFile } from "./build.js";
import type { Costs } from "./report.js";

const run = promisify(execFile);
export const CLIENTS = "50";
export const KEYS = "1000";
export const TESTS = ["SET", "GET"] as const;

/** A server in a process of its own. */
export class Server {
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  #port = "";
  /** Why the process could not be started or reached. */
  #failure: Error | undefined;

  private constructor(child: ChildProcess, signal: AbortSignal) {
    this.#child = child;
    this.#signal = signal;
    child.on("error", (error) => {
      this.#failure = error;
    });
  }

  /** Starts a server. When the signal is aborted, what drives it ends. */
  static async start(name: ServerName, signal: AbortSignal): Promise<Server> {
    const server = new Server(fork(serverFile(name), { execArgv: [] }), signal);
    server.#port = String(((await server.#answer()) as { port: number }).port);
    return server;
  }

  #answer(): Promise<unknown> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        release();
        const { exitCode, signalCode } = child;
        reject(this.#failure ?? new Error(`the server ended with ${signalCode ?? exitCode}`));
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

  /** Returns whether the process has ended or was never there. */
  #isOver(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  /** Returns what the server has cost since it was last asked to begin. */
  async ask(what: "begin" | "end"): Promise<Costs> {
    const answer = this.#answer();
    this.#child.send(what);
    return (await answer) as Costs;
  }

  /** Returns requests per second by test, and the 99th percentile of their latencies in ms. */
  async drive(size: number, pipeline: number, requests: number): Promise<Record<string, number>> {
    const argv = ["-p", this.#port, "-t", "set,get", "-d", String(size), "-P", String(pipeline)];
    argv.push("-n", String(requests), "-c", CLIENTS, "-r", KEYS, "--csv");
    const { stdout } = await run("redis-benchmark", argv, { signal: this.#signal });
    const figures: Record<string, number> = {};
    // A row of its CSV: test, requests per second, then six latencies.
    for (const row of stdout.split("\n").filter((line) => /^"(SET|GET)"/.test(line))) {
      const [test = "", rate, , , , , p99] = row.split(",").map((text) => text.replaceAll('"', ""));
      figures[test] = Number(rate);
      figures[`${test} p99`] = Number(p99);
    }
    const missing = TESTS.some((test) => figures[test] === undefined);
    if (missing) throw new Error(`redis-benchmark said: ${stdout}`);
    return figures;
  }

  async stop(): Promise<void> {
    if (this.#isOver()) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill();
    await ended;
  }
}

import { type ChildProcess, execFile, fork } from "node:child_process";
import { promisify } from "node:util";
import { type ServerName, serverFile } from "./build.js";
import type { Figures } from "./report.js";

const run = promisify(execFile);
export const CLIENTS = "50";
export const KEYS = "1000";
export const TESTS = ["SET", "GET"] as const;

/** A server in a process of its own. */
export class Server {
  readonly #child: ChildProcess;
  #port = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(name: ServerName): Promise<Server> {
    const server = new Server(fork(serverFile(name), { execArgv: [] }));
    server.#port = String(((await server.#answer()) as { port: number }).port);
    return server;
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (code: number | null): void =>
        reject(new Error(`the server ended with code ${code}`));
      this.#child.once("exit", fail);
      this.#child.once("message", (message) => {
        this.#child.off("exit", fail);
        resolve(message);
      });
    });
  }

  /** Returns what the server has cost since it was last asked to begin. */
  async ask(what: "begin" | "end"): Promise<Figures> {
    const answer = this.#answer();
    this.#child.send(what);
    return (await answer) as Figures;
  }

  /** Returns requests per second by test, and the 99th percentile of their latencies in ms. */
  async drive(size: number, pipeline: number, requests: number): Promise<Record<string, number>> {
    const argv = ["-p", this.#port, "-t", "set,get", "-d", String(size), "-P", String(pipeline)];
    argv.push("-n", String(requests), "-c", CLIENTS, "-r", KEYS, "--csv");
    const { stdout } = await run("redis-benchmark", argv);
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
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.disconnect();
    await ended;
  }
}

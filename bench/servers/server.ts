import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type ServerName, serverFile } from "./build.js";
import { Child } from "./child.js";
import type { Costs } from "./report.js";

const run = promisify(execFile);
export const CLIENTS = "50";
export const KEYS = "1000";
export const TESTS = ["SET", "GET"] as const;

/** A server in a process of its own. */
export class Server {
  readonly #child: Child;
  readonly #signal: AbortSignal;
  #port = "";

  private constructor(child: Child, signal: AbortSignal) {
    this.#child = child;
    this.#signal = signal;
  }

  /** Starts a server. When the signal is aborted, what drives it ends. */
  static async start(name: ServerName, signal: AbortSignal): Promise<Server> {
    const server = new Server(new Child("the server", serverFile(name)), signal);
    server.#port = String(((await server.#child.answer()) as { port: number }).port);
    return server;
  }

  /** Returns what the server has cost since it was last asked to begin. */
  async ask(what: "begin" | "end"): Promise<Costs> {
    return (await this.#child.ask(what)) as Costs;
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

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

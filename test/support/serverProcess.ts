import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { makeInstalled } from "./install.js";

/** What a server holds. */
export interface ServerState {
  /** Live blocks and bytes of its heap, which was verified. */
  readonly blocks: number;
  readonly bytes: number;
  /** Memory of its process. */
  readonly rss: number;
  /** Open connections. */
  readonly open: number;
}

/**
 * Follows the code of a server, which has made `heap`, `service`, `port` and `close`: tells the
 * port, and answers each message with the state. Before it answers "close", it closes the server.
 */
const ANSWERS = `
process.on("message", async (asked) => {
  if (asked === "close") await close();
  heap.verify();
  const { blocks, bytes } = heap.stats().live;
  process.send({ blocks, bytes, rss: process.memoryUsage.rss(), open: service.connections.size });
});
process.on("disconnect", () => process.exit());
process.send(port);
`;

/** The characters of what a server prints that are kept. */
const KEPT_TEXT = 4000;

/** A server of hakmem in a process of its own. */
export class ServerProcess {
  readonly port: number;
  private readonly child: ChildProcess;
  private readonly folder: string;
  /** The end of what it has printed. */
  private output: string;

  private constructor(child: ChildProcess, folder: string, port: number, output: string) {
    this.child = child;
    this.folder = folder;
    this.port = port;
    this.output = output;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text: Buffer) => {
        this.output = `${this.output}${text}`.slice(-KEPT_TEXT);
      });
    }
  }

  /** Runs code that makes `heap`, `service`, `port` and `close`, with hakmem installed. */
  static async run(code: string): Promise<ServerProcess> {
    const folder = makeInstalled("hakmem-server-");
    const file = join(folder, "server.mjs");
    writeFileSync(file, code + ANSWERS);
    const child = fork(file, {
      cwd: folder,
      execArgv: [],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let output = "";
    const note = (text: Buffer): void => {
      output += text;
    };
    child.stderr?.on("data", note);
    const ended = once(child, "exit").then(() => {
      rmSync(folder, { recursive: true, force: true });
      throw new Error(`the server did not start: ${output}`);
    });
    const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
    child.stderr?.off("data", note);
    ended.catch(() => {});
    return new ServerProcess(child, folder, port, output);
  }

  /** Runs `start(0, options)` of `examples/NAME/server.js`. */
  static example(name: string, options: object = {}): Promise<ServerProcess> {
    const url = pathToFileURL(resolve(`examples/${name}/server.js`)).href;
    return ServerProcess.run(`
import { start } from ${JSON.stringify(url)};
const { heap, service, port, close } = await start(0, ${JSON.stringify(options)});
`);
  }

  /** @throws Error if the process has ended */
  async state(asked: "state" | "close" = "state"): Promise<ServerState> {
    const { child } = this;
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (isOver) throw new Error(`the server has ended: ${this.output}`);
    const waiting = new AbortController();
    const { signal } = waiting;
    const ended = once(child, "exit", { signal }).then(() => {
      throw new Error(`the server has ended: ${this.output}`);
    });
    ended.catch(() => {});
    try {
      const answer = once(child, "message", { signal });
      child.send(asked);
      const [state] = (await Promise.race([answer, ended])) as [ServerState];
      return state;
    } finally {
      waiting.abort();
    }
  }

  /** Closes the server, and returns what it holds then. Its process goes on until `stop`. */
  close(): Promise<ServerState> {
    return this.state("close");
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

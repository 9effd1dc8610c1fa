import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";

/* What all examples have in common. What each does has tests of its own. */

const MOST_LINES = 20;
const names = readdirSync("examples", { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(`examples/${entry.name}/server.js`))
  .map(({ name }) => name);

describe.each(names)("%s", (name) => {
  it("has a short README, and a row in the list", () => {
    const lines = readFileSync(`examples/${name}/README.md`, "utf8").trim().split("\n");
    expect(lines.length).toBeLessThanOrEqual(MOST_LINES);
    expect(readFileSync("examples/README.md", "utf8")).toContain(`](${name}/README.md)`);
  });

  it("starts from the command line, and says its port", async () => {
    const child = spawn(process.execPath, [`examples/${name}/server.js`, "0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const [port] = /\d+/.exec(line.toString()) ?? [];
      const socket = connect(Number(port), "127.0.0.1");
      await once(socket, "connect");
      socket.destroy();
    } finally {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
  });
});

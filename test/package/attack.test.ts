import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { attack, dial } from "../support/attacks.js";
import { ServerProcess } from "../support/serverProcess.js";
import { isFast } from "../support/tier.js";

/* Attacks the server that README.md shows, as it stands there. */

/** Returns the example without its client. */
function exampleServer(): string {
  const blocks = readFileSync("README.md", "utf8").matchAll(/^```js\n([\s\S]*?)^```/gm);
  const example = [...blocks].map(([, code = ""]) => code).find((code) => code.includes("serve("));
  const [code, client] = (example ?? "").split("\nconst answer");
  if (code === undefined || client === undefined) throw new Error("README.md has no such server");
  return `${code}
const { port } = server.address();
const close = () => service.close();
`;
}

function message(length: number): Buffer {
  const bytes = Buffer.alloc(length + 2, 65);
  bytes.writeUInt16BE(length, 0);
  return bytes;
}

/** Sends messages as a good peer does, and checks what comes back. */
async function serves(port: number): Promise<void> {
  const socket = await dial(port);
  const sent = Buffer.concat([message(5), message(0), message(20_000)]);
  socket.write(sent);
  const chunks: Buffer[] = [];
  for (let got = 0; got < sent.length; ) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    chunks.push(chunk);
    got += chunk.length;
  }
  socket.destroy();
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
}

attack(() => ServerProcess.run(exampleServer()), {
  serves,
  messages: Buffer.concat([message(5), message(0), message(300), message(1)]),
  flood: message(1000),
  connections: isFast ? 500 : 10_000,
  refused: [],
  endless: [["an endless stream of the longest messages", Buffer.alloc(0), message(65_535)]],
});

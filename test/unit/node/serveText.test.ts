import { expect, it } from "vitest";
import { start } from "./serveHelp.js";

const TEXTS = ["", "a", "ä", "\u{1F600}", "\ud800", "\0\u007f\u0080"];
for (const length of [31, 32, 33, 70_000]) {
  TEXTS.push("b".repeat(length), `${"c".repeat(length - 1)}ü`);
}

it("writes texts of any length and kind as UTF-8, and parts of them", async () => {
  const { dial } = await start({
    onFrame: (view, offset, length, connection) => {
      for (const text of TEXTS) connection.write(text);
      for (const text of TEXTS) connection.write(text, Math.min(1, Buffer.byteLength(text)));
      connection.write("efgh", 1, 2);
      connection.write(view, offset, length);
    },
  });
  const client = await dial();
  client.end("end\n");
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  const encoded = TEXTS.map((text) => Buffer.from(text));
  const expected = [...encoded, ...encoded.map((bytes) => bytes.subarray(1))];
  const all = Buffer.concat([...expected, Buffer.from("fgend\n")]);
  expect(Buffer.concat(chunks).equals(all)).toBe(true);
});

it("writes pieces of any short length from where they lie", async () => {
  const source = Uint8Array.from({ length: 100 }, (_, index) => index);
  const { dial } = await start({
    onFrame: (_, __, ___, connection) => {
      for (let length = 0; length < 40; length++) connection.write(source, 60 - length, length);
    },
  });
  const client = await dial();
  client.end("\n");
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  const pieces = Array.from({ length: 40 }, (_, length) => source.subarray(60 - length, 60));
  expect(Buffer.concat(chunks).equals(Buffer.concat(pieces))).toBe(true);
});

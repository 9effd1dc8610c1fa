import { createHash, randomFillSync } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { BytesPool } from "../../src/buffers/index.js";
import { SharedHeap } from "../../src/index.js";

/*
 * Which APIs take a view of shared memory: the table of docs/BUFFERS-REFERENCE.md, tried. When a
 * runtime changes its mind, the test of that row fails; mend the table, here and there.
 */

/**
 * Taken with the right bytes; taken with others, and nothing said; refused; the API is not there;
 * nothing in ten seconds.
 */
type Answer = "yes" | "wrong bytes" | "no" | "missing" | "no answer";

/** Tells whether the API had the right bytes of a view that `CONTENT` fills; a refusal throws. */
type Probe = (view: Uint8Array) => boolean | "missing" | Promise<boolean | "missing">;

interface Row {
  readonly api: string;
  /** What Node 20 and Node 26 do; others are only reported. */
  readonly expected: Readonly<Record<number, Answer>>;
  readonly probe: Probe;
}

const CONTENT = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7 + 1) & 255);
const MAJOR = Number(process.versions.node.split(".")[0]);
const folder = mkdtempSync(join(tmpdir(), "hakmem-views-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function isContent(bytes: ArrayBufferView | ArrayBuffer): boolean {
  const view =
    bytes instanceof ArrayBuffer
      ? new Uint8Array(bytes)
      : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Buffer.compare(view, CONTENT) === 0;
}

/** A cast for APIs whose types refuse what is asked here. */
function plain(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return view as Uint8Array<ArrayBuffer>;
}

async function fileIsRight(view: Uint8Array): Promise<boolean> {
  const file = await open(join(folder, "content"), "w+");
  try {
    await file.write(view, 0, view.length, 0);
    view.fill(0);
    await file.read(view, 0, view.length, 0);
    return isContent(view) && isContent(await file.readFile());
  } finally {
    await file.close();
  }
}

async function socketIsRight(view: Uint8Array, isOnread: boolean): Promise<boolean> {
  const server = createServer((socket) => {
    if (isOnread) socket.end(CONTENT);
    else socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const target = { port, host: "127.0.0.1" };
  try {
    if (isOnread) {
      view.fill(0);
      // What arrives in pieces starts at the buffer's first byte each time.
      let received = Buffer.alloc(0);
      const callback = (count: number): boolean => {
        received = Buffer.concat([received, view.slice(0, count)]);
        return true;
      };
      const socket = connect({ ...target, onread: { buffer: view, callback } });
      await once(socket, "close");
      return isContent(received);
    }
    const socket = connect(target);
    socket.end(view);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return isContent(Buffer.concat(chunks));
  } finally {
    server.close();
  }
}

async function datagramIsRight(view: Uint8Array): Promise<boolean> {
  const [sender, receiver] = [createSocket("udp4"), createSocket("udp4")];
  try {
    receiver.bind(0, "127.0.0.1");
    await once(receiver, "listening");
    const received = once(receiver, "message");
    await new Promise<void>((done, fail) => {
      sender.send(view, receiver.address().port, "127.0.0.1", (error) =>
        error === null ? done() : fail(error),
      );
    });
    const [message] = await received;
    return isContent(message as Buffer);
  } finally {
    sender.close();
    receiver.close();
  }
}

function randomIsRight(fill: (view: Uint8Array) => unknown): Probe {
  return (view) => {
    view.fill(0);
    fill(view);
    return new Set(view).size > 100;
  };
}

async function compressedIsRight(view: Uint8Array): Promise<boolean | "missing"> {
  if (typeof CompressionStream === "undefined") return "missing";
  const stream = new CompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const writing = writer.write(plain(view)).then(() => writer.close());
  const [packed] = await Promise.all([new Response(stream.readable).arrayBuffer(), writing]);
  return isContent(gunzipSync(new Uint8Array(packed)));
}

async function messageIsRight(view: Uint8Array): Promise<boolean | "missing"> {
  if (typeof WebSocket === "undefined") return "missing";
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  try {
    const opened = new Promise((done) => socket.addEventListener("open", done, { once: true }));
    const [[peer]] = await Promise.all([once(server, "connection"), opened]);
    const message = once(peer, "message");
    socket.send(plain(view));
    const [data, isBinary] = await message;
    return isBinary === true && isContent(data as Buffer);
  } finally {
    for (const peer of server.clients) peer.terminate();
    server.close();
  }
}

async function byobIsRight(view: Uint8Array): Promise<boolean> {
  const source = new ReadableStream({
    type: "bytes",
    start: (controller) => controller.enqueue(CONTENT.slice()),
  });
  const { value } = await source.getReader({ mode: "byob" }).read(plain(view));
  return value !== undefined && isContent(value);
}

async function enqueuedIsRight(view: Uint8Array): Promise<boolean> {
  const source = new ReadableStream({
    type: "bytes",
    start: (controller) => controller.enqueue(plain(view)),
  });
  const { value } = await source.getReader().read();
  return value !== undefined && isContent(value);
}

async function bodyIsRight(view: Uint8Array): Promise<boolean> {
  const response = await new Response(plain(view)).arrayBuffer();
  const init = { method: "POST", body: plain(view) };
  const request = await new Request("http://127.0.0.1/", init).arrayBuffer();
  return isContent(response) && isContent(request);
}

async function digestIsRight(view: Uint8Array): Promise<boolean> {
  const digest = await crypto.subtle.digest("SHA-256", plain(view));
  return Buffer.from(digest).equals(createHash("sha256").update(CONTENT).digest());
}

function always(answer: Answer): Record<number, Answer> {
  return { 20: answer, 26: answer };
}

const ROWS: readonly Row[] = [
  { api: "fs read and write", expected: always("yes"), probe: fileIsRight },
  { api: "net write", expected: always("yes"), probe: (view) => socketIsRight(view, false) },
  { api: "net onread", expected: always("yes"), probe: (view) => socketIsRight(view, true) },
  { api: "dgram send", expected: always("yes"), probe: datagramIsRight },
  { api: "zlib", expected: always("yes"), probe: (view) => isContent(gunzipSync(gzipSync(view))) },
  {
    api: "createHash",
    expected: always("yes"),
    probe: (view) => {
      const expected = createHash("sha256").update(CONTENT).digest();
      return createHash("sha256").update(view).digest().equals(expected);
    },
  },
  { api: "randomFill", expected: always("yes"), probe: randomIsRight(randomFillSync) },
  {
    api: "getRandomValues",
    expected: always("yes"),
    probe: randomIsRight((view) => crypto.getRandomValues(plain(view))),
  },
  {
    api: "TextDecoder",
    expected: always("yes"),
    probe: (view) => {
      const text = Buffer.from(CONTENT.map((byte) => byte & 127)).toString();
      for (const [index, byte] of view.entries()) view[index] = byte & 127;
      return new TextDecoder().decode(view) === text;
    },
  },
  {
    api: "TextEncoder.encodeInto",
    expected: always("yes"),
    probe: (view) => {
      const { written } = new TextEncoder().encodeInto("grün", view);
      return written === 5 && Buffer.from(view.slice(0, 5)).toString() === "grün";
    },
  },
  { api: "crypto.subtle.digest", expected: always("no"), probe: digestIsRight },
  { api: "BYOB read", expected: always("no"), probe: byobIsRight },
  { api: "byte-stream enqueue", expected: always("no"), probe: enqueuedIsRight },
  {
    api: "Blob",
    expected: always("yes"),
    probe: async (view) => isContent(await new Blob([plain(view)]).arrayBuffer()),
  },
  {
    api: "Response and Request body",
    expected: { 20: "no", 26: "wrong bytes" },
    probe: bodyIsRight,
  },
  { api: "WebSocket.send", expected: { 20: "missing", 26: "wrong bytes" }, probe: messageIsRight },
  { api: "CompressionStream", expected: { 20: "yes", 26: "no" }, probe: compressedIsRight },
];

async function ask({ probe }: Row, view: Uint8Array): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"no answer">((done) => {
    timer = setTimeout(() => done("no answer"), 10_000);
  });
  try {
    const isRight = await Promise.race([probe(view), late]);
    return typeof isRight === "string" ? isRight : isRight ? "yes" : "wrong bytes";
  } catch {
    return "no";
  } finally {
    clearTimeout(timer);
  }
}

describe(`views of shared memory, Node ${process.versions.node}`, () => {
  it.each(ROWS)("$api", async (row) => {
    const heap = SharedHeap.create({ capacity: 2 ** 21, maxWorkers: 2 });
    const bytes = new BytesPool(heap).from(CONTENT);
    const answer = await ask(row, bytes.view());
    const expected = row.expected[MAJOR];
    if (expected === undefined) {
      console.log(`${row.api}: ${answer} in Node ${MAJOR}, which the table does not have`);
    } else if (answer !== expected) {
      throw new Error(
        `Node ${process.versions.node} has changed its mind on views of shared memory: ` +
          `${row.api} was "${expected}" and is "${answer}". Mend the table of ` +
          "docs/BUFFERS-REFERENCE.md.",
      );
    }
    bytes.release();
    heap.verify();
    expect(heap.stats().live.blocks).toBe(0);
  });

  it.each(ROWS)("toUnshared is taken by $api", async (row) => {
    const heap = SharedHeap.create({ capacity: 2 ** 21, maxWorkers: 2 });
    const bytes = new BytesPool(heap).from(CONTENT);
    const copy = bytes.toUnshared();
    bytes.release();
    const answer = await ask(row, copy);
    const isMissing = (row.expected[MAJOR] ?? answer) === "missing";
    expect(answer).toBe(isMissing ? "missing" : "yes");
    heap.verify();
    expect(heap.stats().live.blocks).toBe(0);
  });
});

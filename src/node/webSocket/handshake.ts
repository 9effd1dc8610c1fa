import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** What RFC 6455 appends to the key of a request. */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64. */
const KEY = /^[0-9A-Za-z+/]{22}==$/;
/** A token of HTTP. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** How long a client that was refused may take to read why. */
const LEAVE_MS = 2000;

/** Why a request is refused, and a header that says what would be accepted. */
export interface Refusal {
  readonly status: string;
  readonly why: string;
  readonly header?: string;
}

/** Returns why a request is no opening handshake by RFC 6455, 4.2.1; undefined if it is one. */
export function refusalOf(request: IncomingMessage): Refusal | undefined {
  const { headers, httpVersionMajor, httpVersionMinor, method } = request;
  if (method !== "GET") {
    return { status: "405 Method Not Allowed", why: "the method is not GET", header: "Allow: GET" };
  }
  if (httpVersionMajor !== 1 || httpVersionMinor < 1) return bad("the version is not HTTP/1.1");
  if (headers.host === undefined) return bad("there is no Host");
  if (!hasToken(headers.upgrade, "websocket")) return bad("Upgrade does not name websocket");
  if (!hasToken(headers.connection, "upgrade")) return bad("Connection does not name Upgrade");
  const { "sec-websocket-key": key, "sec-websocket-version": version } = headers;
  if (version !== "13") {
    const why = "Sec-WebSocket-Version is not 13";
    return { status: "426 Upgrade Required", why, header: "Sec-WebSocket-Version: 13" };
  }
  if (!KEY.test(key ?? "")) return bad("Sec-WebSocket-Key is not 16 bytes in base64");
  if (offeredBy(request) === undefined) return bad("Sec-WebSocket-Protocol is no list of tokens");
  return undefined;
}

/** Returns the subprotocols that a request offers, in order; undefined if they are malformed. */
export function offeredBy({ headers }: IncomingMessage): readonly string[] | undefined {
  const { "sec-websocket-protocol": list } = headers;
  if (list === undefined) return [];
  const names = listOf(list);
  const isList = names.every(isToken) && new Set(names).size === names.length;
  return isList ? names : undefined;
}

export function isToken(text: unknown): boolean {
  return typeof text === "string" && TOKEN.test(text);
}

/** Returns the answer to a request that `refusalOf` has checked. */
export function acceptanceOf({ headers }: IncomingMessage, protocol: string): string {
  const key = createHash("sha1").update(`${headers["sec-websocket-key"]}${MAGIC}`);
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  lines.push(`Sec-WebSocket-Accept: ${key.digest("base64")}`);
  if (protocol !== "") lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Answers why a request is refused, and closes its socket. */
export function refuse(socket: Duplex, { status, why, header }: Refusal): void {
  const lines = [`HTTP/1.1 ${status}`, "Connection: close", "Content-Type: text/plain"];
  lines.push(`Content-Length: ${why.length + 1}`);
  if (header !== undefined) lines.push(header);
  // The client may be gone.
  socket.on("error", () => {});
  const late = setTimeout(() => socket.destroy(), LEAVE_MS);
  socket.once("close", () => clearTimeout(late));
  socket.end(`${lines.join("\r\n")}\r\n\r\n${why}\n`);
  // What still comes is dropped. A socket that is destroyed before would reset the answer.
  socket.resume();
}

function bad(why: string): Refusal {
  return { status: "400 Bad Request", why };
}

function listOf(header: string): string[] {
  return header.split(",").map((item) => item.trim());
}

function hasToken(header: string | undefined, token: string): boolean {
  return listOf(header ?? "").some((item) => item.toLowerCase() === token);
}

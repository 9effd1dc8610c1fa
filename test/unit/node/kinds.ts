import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as stream from "node:stream";
import * as tls from "node:tls";
import { TLS_CERTIFICATE, TLS_KEY } from "../../support/certificate.js";

/** Two ends of a connection. The tests read `socket` with hakmem, and `peer` as Node does. */
export interface Ends {
  readonly socket: stream.Duplex;
  readonly peer: stream.Duplex;
  /** Ends what else was opened. Both ends are destroyed already. */
  readonly close: () => unknown;
}

const CERTIFIED = { key: TLS_KEY, cert: TLS_CERTIFICATE, rejectUnauthorized: false };

async function listen(server: net.Server, path?: string): Promise<net.SocketConnectOpts> {
  if (path === undefined) server.listen(0, "127.0.0.1");
  else server.listen(path);
  await once(server, "listening");
  if (path !== undefined) return { path };
  return { port: (server.address() as net.AddressInfo).port, host: "127.0.0.1" };
}

/** Returns the accepted end and the connected end of a server of `net`. */
async function pair(
  options: net.ServerOpts,
  open: (to: net.SocketConnectOpts) => net.Socket = net.connect,
  path?: string,
): Promise<{ accepted: net.Socket; client: net.Socket; close: () => unknown }> {
  const server = net.createServer(options);
  const client = open(await listen(server, path));
  const [accepted] = (await once(server, "connection")) as [net.Socket];
  return { accepted, client, close: () => server.close() };
}

async function accepted(options: net.ServerOpts): Promise<Ends> {
  const { accepted: socket, client: peer, close } = await pair(options);
  return { socket, peer, close };
}

async function connecting(open: (to: net.SocketConnectOpts) => net.Socket): Promise<Ends> {
  const { accepted: peer, client: socket, close } = await pair({}, open);
  return { socket, peer, close };
}

async function unix(): Promise<Ends> {
  const folder = mkdtempSync(join(tmpdir(), "hakmem-socket-"));
  const path = join(folder, "socket");
  const { accepted: socket, client: peer, close } = await pair({}, net.connect, path);
  return { socket, peer, close: () => [close(), rmSync(folder, { recursive: true })] };
}

async function overTls(isServer: boolean): Promise<Ends> {
  const server = tls.createServer({ ...CERTIFIED, pauseOnConnect: true });
  const to = (await listen(server)) as net.TcpNetConnectOpts;
  const client = tls.connect({ ...to, ...CERTIFIED });
  const [[secure]] = (await Promise.all([
    once(server, "secureConnection"),
    once(client, "secureConnect"),
  ])) as [[tls.TLSSocket], unknown];
  const [socket, peer] = isServer ? [secure, client] : [client, secure];
  return { socket, peer, close: () => server.close() };
}

async function upgraded(isServer: boolean): Promise<Ends> {
  const server = http.createServer();
  const to = (await listen(server)) as net.TcpNetConnectOpts;
  const headers = { connection: "upgrade", upgrade: "test" };
  const request = http.request({ ...to, headers });
  request.end();
  const [, accepting] = (await once(server, "upgrade")) as [unknown, stream.Duplex];
  accepting.write("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n");
  const [, client] = (await once(request, "upgrade")) as [unknown, stream.Duplex];
  const [socket, peer] = isServer ? [accepting, client] : [client, accepting];
  return { socket, peer, close: () => server.close() };
}

async function overHttp2(isServer: boolean): Promise<Ends> {
  const server = http2.createServer();
  const { port } = (await listen(server as unknown as net.Server)) as net.TcpNetConnectOpts;
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const request = session.request({ ":method": "POST" }, { endStream: false });
  const [served] = (await once(server, "stream")) as [http2.ServerHttp2Stream];
  served.respond();
  const [socket, peer] = isServer ? [served, request] : [request, served];
  return { socket, peer, close: () => [session.destroy(), server.close()] };
}

/** Two streams that give each other what was written, in memory, as it is. */
export function inMemory(options: stream.DuplexOptions = {}): Ends {
  const make = (to: () => stream.Duplex): stream.Duplex =>
    new stream.Duplex({
      ...options,
      read() {},
      write: (chunk, _encoding, done) => [to().push(chunk), setImmediate(done)],
      final: (done) => [to().push(null), done()],
    });
  const socket: stream.Duplex = make(() => peer);
  const peer: stream.Duplex = make(() => socket);
  return { socket, peer, close: () => {} };
}

/** A process that sends back what it gets. Its two pipes are sockets. */
function child(): Ends {
  const { stdin, stdout } = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"]);
  return { socket: stdout as net.Socket, peer: stdin as net.Socket, close: () => {} };
}

async function tlsInMemory(): Promise<Ends> {
  const { socket: left, peer: right } = inMemory();
  const server = new tls.TLSSocket(left, { ...CERTIFIED, isServer: true });
  const client = tls.connect({ socket: right as net.Socket, ...CERTIFIED });
  await once(client, "secureConnect");
  return { socket: server, peer: client, close: () => {} };
}

class OwnSocket extends net.Socket {}

const later = (to: net.SocketConnectOpts): net.Socket => {
  const socket = new net.Socket();
  setImmediate(() => socket.connect(to));
  return socket;
};

/** Every kind of socket, and whether it reads straight into the memory of the program. */
export const KINDS: readonly [name: string, isStraight: boolean, open: () => Promise<Ends>][] = [
  ["accepted, paused", true, () => accepted({ pauseOnConnect: true })],
  ["accepted, half-open", true, () => accepted({ allowHalfOpen: true })],
  ["connected", true, () => connecting(net.connect)],
  ["of a subclass", false, () => connecting((to) => new OwnSocket().connect(to))],
  ["a Unix socket", true, unix],
  ["TLS, accepted", false, () => overTls(true)],
  ["TLS, connected", false, () => overTls(false)],
  ["TLS over streams", false, tlsInMemory],
  ["HTTP upgrade, accepted", true, () => upgraded(true)],
  ["HTTP upgrade, connected", true, () => upgraded(false)],
  ["HTTP/2, accepted", false, () => overHttp2(true)],
  ["HTTP/2, connected", false, () => overHttp2(false)],
  ["a Duplex", false, async () => inMemory()],
];

/** Kinds that are taken over before they are connected. */
export const EARLY: readonly [name: string, open: (to: net.SocketConnectOpts) => net.Socket][] = [
  ["that connects", net.connect],
  ["that does not connect yet", later],
  ["that looks a name up", (to) => net.connect({ ...to, host: "localhost" })],
];

export { child, listen, pair };

/**
 * A key-value server as people write it, with a Buffer for each read, `Buffer.concat` and
 * `subarray`.
 */
import { type AddressInfo, createServer } from "node:net";
import { report } from "./report.js";

const CRLF = Buffer.from("\r\n");
const OK = Buffer.from("+OK\r\n");
const NIL = Buffer.from("$-1\r\n");
const EMPTY = Buffer.alloc(0);

const store = new Map<string, Buffer>();

interface Command {
  readonly args: Buffer[];
  readonly end: number;
}

/** Returns the command that begins at `start`; undefined while bytes are missing. */
function parse(bytes: Buffer, start: number): Command | undefined {
  let line = bytes.indexOf(CRLF, start);
  if (line < 0) return undefined;
  const args: Buffer[] = [];
  const count = Number(bytes.toString("latin1", start + 1, line));
  for (let index = 0; index < count; index++) {
    const head = line + 2;
    line = bytes.indexOf(CRLF, head);
    if (line < 0) return undefined;
    const from = line + 2;
    const end = from + Number(bytes.toString("latin1", head + 1, line));
    if (end + 2 > bytes.length) return undefined;
    args.push(bytes.subarray(from, end));
    line = end;
  }
  return { args, end: line + 2 };
}

function execute([name = EMPTY, key = EMPTY, value = EMPTY]: Buffer[]): Buffer[] {
  switch (name.toString("latin1").toUpperCase()) {
    case "SET":
      store.set(key.toString("latin1"), value);
      return [OK];
    case "GET": {
      const found = store.get(key.toString("latin1"));
      if (found === undefined) return [NIL];
      return [Buffer.from(`$${found.length}\r\n`), found, CRLF];
    }
    case "DEL":
      return [Buffer.from(`:${store.delete(key.toString("latin1")) ? 1 : 0}\r\n`)];
    case "DBSIZE":
      return [Buffer.from(`:${store.size}\r\n`)];
    case "PING":
      return [Buffer.from("+PONG\r\n")];
    case "CONFIG":
    case "COMMAND":
      return [Buffer.from("*0\r\n")];
    case "FLUSHALL":
      store.clear();
      return [OK];
    default:
      return [Buffer.from(`-ERR unknown command '${name.toString("latin1").slice(0, 40)}'\r\n`)];
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer = EMPTY;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const replies: Buffer[] = [];
    let at = 0;
    for (let command = parse(pending, 0); command !== undefined; command = parse(pending, at)) {
      replies.push(...execute(command.args));
      at = command.end;
    }
    pending = pending.subarray(at);
    if (replies.length > 0) socket.write(Buffer.concat(replies));
  });
});
server.listen(0, "127.0.0.1", () => {
  report((server.address() as AddressInfo).port, () => ({}));
});

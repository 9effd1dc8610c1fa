/** Packets of MQTT 3.1.1 as clients write and read them, apart from the example that is tested. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Returns a text with its length before it. */
export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.of(bytes.length >>> 8, bytes.length & 255), bytes]);
}

/** Returns a packet of a first byte and the parts of its body. */
export function packet(first: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = [first];
  let left = body.length;
  do {
    header.push((left & 127) | (left > 127 ? 128 : 0));
    left >>>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

export interface ConnectOptions {
  readonly isClean?: boolean;
  readonly keepAlive?: number;
  readonly will?: { topic: string; payload: string; qos?: number; isRetained?: boolean };
  readonly userName?: string;
  readonly password?: string;
}

export function connectPacket(id: string, options: ConnectOptions = {}): Buffer {
  const { isClean = true, keepAlive = 0, password, userName, will } = options;
  const flags =
    (isClean ? 2 : 0) |
    (will === undefined ? 0 : 4 | ((will.qos ?? 0) << 3) | (will.isRetained ? 32 : 0)) |
    (password === undefined ? 0 : 64) |
    (userName === undefined ? 0 : 128);
  return packet(
    0x10,
    text("MQTT"),
    Buffer.of(4, flags, keepAlive >>> 8, keepAlive & 255),
    text(id),
    ...(will === undefined ? [] : [text(will.topic), text(will.payload)]),
    ...[userName, password].flatMap((value) => (value === undefined ? [] : [text(value)])),
  );
}

export function idOf(id: number): Buffer {
  return Buffer.of(id >>> 8, id & 255);
}

export interface PublishOptions {
  readonly qos?: number;
  readonly id?: number;
  readonly isRetained?: boolean;
  readonly isAgain?: boolean;
}

export function publishPacket(
  topic: string,
  payload: string | Uint8Array,
  options: PublishOptions = {},
): Buffer {
  const { id = 1, isAgain = false, isRetained = false, qos = 0 } = options;
  const first = 0x30 | (qos << 1) | (isRetained ? 1 : 0) | (isAgain ? 8 : 0);
  const body = Buffer.from(payload as string);
  return packet(first, text(topic), ...(qos > 0 ? [idOf(id)] : []), body);
}

export function subscribePacket(id: number, ...filters: readonly (readonly [string, number])[]) {
  return packet(
    0x82,
    idOf(id),
    ...filters.flatMap(([filter, qos]) => [text(filter), Buffer.of(qos)]),
  );
}

export function unsubscribePacket(id: number, ...filters: readonly string[]): Buffer {
  return packet(0xa2, idOf(id), ...filters.map(text));
}

export const puback = (id: number): Buffer => packet(0x40, idOf(id));
export const PINGREQ: Buffer = packet(0xc0);
export const DISCONNECT: Buffer = packet(0xe0);

/** Returns whether a topic matches a filter, by the words of the standard. */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (/^[+#]/.test(filter) && topic.startsWith("$")) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index >= levels.length || (level !== "+" && level !== levels[index])) return false;
    // "a/#" is also for "a".
    if (wanted[index + 1] === "#" && index + 1 === levels.length) return true;
  }
  return wanted.length === levels.length;
}

/** What came, in words: a packet's kind and what it says. */
export function describe(bytes: Buffer): string {
  const first = bytes[0] as number;
  const body = bytes.subarray(bodyStart(bytes));
  const code = `${body[body.length - 1]}`;
  switch (first >>> 4) {
    case 2:
      return `connack ${body[0]} ${code}`;
    case 3:
      return describePublish(first, body);
    case 4:
      return `puback ${body.readUInt16BE(0)}`;
    case 9:
      return `suback ${body.readUInt16BE(0)}: ${[...body.subarray(2)].join(" ")}`;
    case 11:
      return `unsuback ${body.readUInt16BE(0)}`;
    case 13:
      return "pingresp";
    default:
      return `packet ${bytes.toString("hex")}`;
  }
}

function describePublish(first: number, body: Buffer): string {
  const at = 2 + body.readUInt16BE(0);
  const qos = (first >>> 1) & 3;
  const marks = `${first & 8 ? " again" : ""}${first & 1 ? " retained" : ""}`;
  const id = qos === 0 ? "" : ` id ${body.readUInt16BE(at)}`;
  const payload = body.subarray(at + (qos === 0 ? 0 : 2));
  const shown = payload.length > 64 ? `${payload.length} bytes` : payload.toString();
  return `${body.toString("utf8", 2, at)}: ${shown} (qos ${qos}${id}${marks})`;
}

/** Returns where the body of a packet begins, or 0 if its length has not come. */
function bodyStart(bytes: Buffer): number {
  for (let at = 1; at < bytes.length; at++) if ((bytes[at] as number) < 128) return at + 1;
  return 0;
}

/** Returns the bytes of the first packet, or 0 if they have not come. */
function packetLength(bytes: Buffer): number {
  const start = bodyStart(bytes);
  let length = 0;
  for (let at = start - 1; at > 0; at--) length = length * 128 + ((bytes[at] as number) & 127);
  return start > 0 && start + length <= bytes.length ? start + length : 0;
}

/** A client that does only what it is told. */
export class RawClient {
  readonly socket: Socket;
  private come: Buffer;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.come = Buffer.alloc(0);
    socket.on("error", () => {});
    // A socket in flowing mode would lose what nobody waits for.
    socket.pause();
  }

  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Connects, and checks that it is accepted. */
  static async open(port: number, id: string, options: ConnectOptions = {}): Promise<RawClient> {
    const client = await RawClient.dial(port);
    client.send(connectPacket(id, options));
    const answer = await client.next();
    if (!answer.startsWith("connack") || !answer.endsWith(" 0")) throw new Error(answer);
    return client;
  }

  send(...packets: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(packets));
  }

  /** Returns the next packet in words, or "closed". */
  async next(): Promise<string> {
    for (;;) {
      const length = packetLength(this.come);
      if (length > 0) {
        const bytes = this.come.subarray(0, length);
        this.come = this.come.subarray(length);
        return describe(bytes);
      }
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) this.come = Buffer.concat([this.come, chunk]);
      else if (this.socket.readableEnded || this.socket.destroyed) return "closed";
      else await this.moreOrEnd();
    }
  }

  async nextOf(count: number): Promise<string[]> {
    const packets: string[] = [];
    for (let index = 0; index < count; index++) packets.push(await this.next());
    return packets;
  }

  /** Sends PINGREQ, and returns all that comes before its answer. */
  async settled(): Promise<string[]> {
    const packets: string[] = [];
    this.send(PINGREQ);
    for (let come = await this.next(); come !== "pingresp"; come = await this.next()) {
      packets.push(come);
      if (come === "closed") break;
    }
    return packets;
  }

  close(): void {
    this.socket.destroy();
  }

  private async moreOrEnd(): Promise<void> {
    const waiting = new AbortController();
    const { signal } = waiting;
    const events = ["readable", "end", "close"].map((event) =>
      once(this.socket, event, { signal }).catch(() => {}),
    );
    await Promise.race(events);
    waiting.abort();
  }
}

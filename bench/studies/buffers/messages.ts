/**
 * The message that codecs are measured with. It stands for a reply of a binary protocol: a header
 * of integers, an id of 64 bits, a measurement, a short name and a small payload.
 *
 *     u8 kind | u16 flags | u32 sequence | u64 id | f64 value | varint count | u8 + name | 64 bytes
 */
export interface Message {
  readonly kind: number;
  readonly flags: number;
  readonly sequence: number;
  readonly id: bigint;
  readonly value: number;
  readonly count: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** The same bytes, for a writer that takes nothing else. */
  readonly payloadBuffer: Buffer;
}

export const PAYLOAD_BYTES = 64;
/** More bytes than the longest message has. */
export const MESSAGE_BYTES = 256;
export const MESSAGES = 64;
const SEED = 0x2545f491;

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const value = (state >>> 0) % below;
    // V8 leaves small results of a division boxed, as no program's small integers are.
    return value < 2 ** 31 ? value | 0 : value;
  };
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** Makes messages whose ids have 64 bits, or 63 as those of databases and clocks have. */
export function makeMessages(idBits: number): Message[] {
  const next = generator(SEED);
  // Written out, because the fields of an object that is spread are slow to read.
  return Array.from({ length: MESSAGES }, () => {
    const payload = Uint8Array.from({ length: PAYLOAD_BYTES }, () => next(256));
    return {
      kind: next(256),
      flags: next(65536),
      sequence: next(2 ** 32),
      id: (BigInt(next(2 ** (idBits - 32))) << 32n) | BigInt(next(2 ** 32)),
      value: next(2 ** 32) / 1024,
      count: next(2 ** (1 + next(20))),
      name: Array.from({ length: 4 + next(13) }, () => LETTERS[next(26)]).join(""),
      payload,
      payloadBuffer: Buffer.from(payload),
    };
  });
}

/** Returns the bytes of a message, written by none of the codecs that are measured. */
export function encode(message: Message): Uint8Array {
  const name = Buffer.from(message.name);
  const head = Buffer.alloc(23);
  head.writeUInt8(message.kind, 0);
  head.writeUInt16BE(message.flags, 1);
  head.writeUInt32BE(message.sequence, 3);
  head.writeBigUInt64BE(message.id, 7);
  head.writeDoubleBE(message.value, 15);
  const count: number[] = [];
  let left = message.count;
  for (; left > 127; left = Math.floor(left / 128)) count.push((left % 128) + 128);
  count.push(left);
  const parts = [head, Buffer.from([...count, name.length]), name, message.payload];
  return new Uint8Array(Buffer.concat(parts));
}

/** Returns one number from all that a reader reads, so that no read can be left out. */
export function digest(message: Message): number {
  const { kind, flags, sequence, id, value, count, name, payload } = message;
  const numbers = kind + flags + sequence + Number(id & 0xffffn) + value + count;
  return numbers + name.length + name.charCodeAt(0) + payload.length + (payload[0] as number);
}

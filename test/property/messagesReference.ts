import { TextDecoder } from "node:util";
import { CLOSE_CODES, wrongStart } from "./framingReference.js";

/**
 * What a WebSocket's messages are, for a whole stream: no chunks, no heap. UTF-8 is judged by
 * `TextDecoder`. It follows RFC 6455, not the code of the framer.
 */
export interface MessagesOutcome {
  readonly messages: { readonly first: number; readonly bytes: readonly number[] }[];
  readonly error:
    | { readonly code: string; readonly position: number; readonly closeCode: number | undefined }
    | undefined;
}

export interface MessagesOptions {
  readonly role: "server" | "client";
  readonly maximum: number;
  readonly rsv: number;
  readonly maximumFragments: number;
}

type Failure = NonNullable<MessagesOutcome["error"]>;

interface Header {
  readonly first: number;
  readonly start: number;
  readonly length: number;
  readonly mask: readonly number[];
}

/** The message that has begun: where, its first byte, its bytes, and its frames. */
interface Begun {
  readonly at: number;
  readonly first: number;
  readonly bytes: number[];
  readonly frames: number;
}

const malformed = (position: number, closeCode: number = 1002): Failure => ({
  code: "ERR_MALFORMED",
  position,
  closeCode,
});
const truncated = (position: number): Failure => ({
  code: "ERR_TRUNCATED",
  position,
  closeCode: undefined,
});

function readHeader(
  stream: readonly number[],
  at: number,
  options: MessagesOptions,
  begun: Begun | undefined,
): Header | Failure {
  const [first, second] = stream.slice(at, at + 2);
  if (first === undefined || second === undefined) return truncated(at);
  const isServer = options.role === "server";
  const wrong = wrongStart([first, second], isServer, options.rsv, begun !== undefined);
  if (wrong >= 0) return malformed(at + wrong);
  const width = ({ 126: 2, 127: 8 } as Record<number, number>)[second % 128] ?? 0;
  const field = stream.slice(at + 2, at + 2 + width);
  if (field.length < width) return truncated(at);
  let length = BigInt(second % 128);
  if (width > 0) length = field.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  if (width === 2 && length < 126n) return malformed(at + 2);
  if (width === 8 && (length < 65536n || length >> 63n !== 0n)) return malformed(at + 2);
  const before = first % 16 < 8 ? (begun?.bytes.length ?? 0) : 0;
  if (length + BigInt(before) > options.maximum) {
    return { code: "ERR_TOO_LARGE", position: at, closeCode: 1009 };
  }
  const mask = isServer ? stream.slice(at + 2 + width, at + 6 + width) : [0, 0, 0, 0];
  if (mask.length < 4) return truncated(at);
  return { first, start: at + 2 + width + (isServer ? 4 : 0), length: Number(length), mask };
}

/** Returns the index of the first byte with which no UTF-8 can begin; -1 if there is none. */
export function firstWrong(bytes: readonly number[], isWhole: boolean): number {
  const decode = (part: readonly number[], decoder: TextDecoder, stream: boolean): boolean => {
    try {
      decoder.decode(Uint8Array.from(part), { stream });
      return true;
    } catch {
      return false;
    }
  };
  if (decode(bytes, new TextDecoder("utf-8", { fatal: true }), !isWhole)) return -1;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const at = bytes.findIndex((byte) => !decode([byte], decoder, true));
  return at < 0 ? bytes.length : at;
}

function closeFailure(bytes: readonly number[], start: number): Failure | undefined {
  if (bytes.length === 0) return undefined;
  const code = bytes.length > 1 ? (bytes[0] as number) * 256 + (bytes[1] as number) : 0;
  if (!CLOSE_CODES.has(code)) return malformed(start);
  return firstWrong(bytes.slice(2), true) < 0 ? undefined : malformed(start + 2, 1007);
}

export function referenceMessages(
  stream: readonly number[],
  options: MessagesOptions,
): MessagesOutcome {
  const messages: MessagesOutcome["messages"] = [];
  let begun: Begun | undefined;
  for (let at = 0; at < stream.length; ) {
    const header = readHeader(stream, at, options, begun);
    if ("code" in header) return { messages, error: header };
    const { first, start, length, mask } = header;
    const bytes = stream
      .slice(start, start + length)
      .map((byte, index) => byte ^ (mask[index & 3] as number));
    const isWhole = bytes.length === length;
    if (first % 16 >= 8) {
      if (!isWhole) return { messages, error: truncated(at) };
      const error = first % 16 === 8 ? closeFailure(bytes, start) : undefined;
      if (error !== undefined) return { messages, error };
      messages.push({ first, bytes });
      if (first % 16 === 8) return { messages, error: undefined };
      at = start + length;
      continue;
    }
    const message: Begun = {
      at: begun?.at ?? at,
      first: begun?.first ?? first,
      bytes: [...(begun?.bytes ?? []), ...bytes],
      frames: (begun?.frames ?? 0) + 1,
    };
    if (message.frames > options.maximumFragments) {
      const error = { code: "ERR_TOO_LARGE", position: message.at, closeCode: 1008 };
      return { messages, error };
    }
    const isLast = first >= 128;
    if (message.first % 128 === 1) {
      const wrong = firstWrong(message.bytes, isLast && isWhole);
      const offset = wrong - (message.bytes.length - bytes.length);
      if (wrong >= 0) return { messages, error: malformed(start + offset, 1007) };
    }
    if (!isWhole) return { messages, error: truncated(at) };
    if (isLast) messages.push({ first: message.first | 128, bytes: message.bytes });
    begun = isLast ? undefined : message;
    at = start + length;
  }
  return { messages, error: begun === undefined ? undefined : truncated(begun.at) };
}

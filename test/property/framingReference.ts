/**
 * What framers do, written again for whole arrays: no chunks, no state, no heap. It follows the
 * definitions of the options and RFC 6455, not the code of the framers.
 */
export interface Outcome {
  readonly frames: { readonly header: readonly number[]; readonly bytes: readonly number[] }[];
  readonly error: { readonly code: string; readonly position: number } | undefined;
}

/**
 * One step at a position: a frame and where the next begins, or an error, or neither: truncated.
 */
type Step =
  | { readonly next: number; readonly header: readonly number[]; readonly bytes: readonly number[] }
  | { readonly code: string; readonly position: number }
  | undefined;

function walk(stream: readonly number[], step: (at: number) => Step): Outcome {
  const frames: Outcome["frames"] = [];
  let at = 0;
  while (at < stream.length) {
    const found = step(at) ?? { code: "ERR_TRUNCATED", position: at };
    if ("code" in found) return { frames, error: { code: found.code, position: found.position } };
    frames.push({ header: found.header, bytes: found.bytes });
    at = found.next;
  }
  return { frames, error: undefined };
}

export interface LengthPlan {
  readonly offset: number;
  readonly width: number | "varint" | "quic";
  readonly endian?: "be" | "le";
  readonly adjustment: number;
  readonly strip: number | "header";
  readonly maximum: number;
}

/** Returns the bytes of a length and its value, "malformed", or undefined if bytes are missing. */
function lengthAt(
  stream: readonly number[],
  { width, endian = "be" }: LengthPlan,
): readonly [bytes: number, value: bigint] | "malformed" | undefined {
  let count = Number(width);
  let digits: readonly number[];
  if (width === "varint") {
    const last = stream.slice(0, 5).findIndex((byte) => byte < 128);
    if (last < 0) return stream.length < 5 ? undefined : "malformed";
    count = last + 1;
    const value = stream
      .slice(0, count)
      .reduceRight((sum, byte) => sum * 128n + BigInt(byte % 128), 0n);
    return value < 2n ** 32n ? [count, value] : "malformed";
  }
  if (width === "quic") {
    if (stream[0] === undefined) return undefined;
    count = [1, 2, 4, 8][Math.floor(stream[0] / 64)] as number;
    digits = [stream[0] % 64, ...stream.slice(1, count)];
  } else {
    digits = stream.slice(0, count);
    if (endian === "le") digits = [...digits].reverse();
  }
  if (stream.length < count) return undefined;
  return [count, digits.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)];
}

export function byLength(stream: readonly number[], options: LengthPlan): Outcome {
  const { offset, adjustment, strip, maximum } = options;
  return walk(stream, (at) => {
    const found = lengthAt(stream.slice(at + offset), options);
    if (found === undefined) return undefined;
    if (found === "malformed") return { code: "ERR_MALFORMED", position: at + offset };
    const header = offset + found[0];
    const stripped = strip === "header" ? header : strip;
    const length = found[1] + BigInt(adjustment + header);
    if (length > maximum) return { code: "ERR_TOO_LARGE", position: at };
    if (length < header || length < stripped) {
      return { code: "ERR_MALFORMED", position: at + offset };
    }
    const next = at + Number(length);
    if (next > stream.length) return undefined;
    return { next, header: [], bytes: stream.slice(at + stripped, next) };
  });
}

export interface DelimiterPlan {
  readonly delimiter: Uint8Array | readonly Uint8Array[];
  readonly strip: boolean;
  readonly maximum: number;
  readonly unended?: "error" | "frame";
}

/** Returns where the first delimiter begins, and the longest that begins there. */
export function firstDelimiter(
  stream: readonly number[],
  delimiters: readonly Uint8Array[],
): { readonly start: number; readonly length: number } | undefined {
  for (let start = 0; start < stream.length; start++) {
    const fits = delimiters.filter((delimiter) =>
      delimiter.every((byte, index) => stream[start + index] === byte),
    );
    if (fits.length > 0) return { start, length: Math.max(...fits.map(({ length }) => length)) };
  }
  return undefined;
}

export function byDelimiter(stream: readonly number[], options: DelimiterPlan): Outcome {
  const { delimiter, strip, maximum, unended } = options;
  const delimiters = delimiter instanceof Uint8Array ? [delimiter] : delimiter;
  return walk(stream, (at) => {
    const rest = stream.slice(at);
    const found = firstDelimiter(rest, delimiters);
    const length = found === undefined ? rest.length : found.start + found.length;
    if (length > maximum || (found === undefined && length === maximum)) {
      return { code: "ERR_TOO_LARGE", position: at };
    }
    const end = strip && found !== undefined ? found.start : length;
    if (found === undefined && unended !== "frame") return undefined;
    return { next: at + length, header: [], bytes: rest.slice(0, end) };
  });
}

export interface FinderPlan {
  /** Returns how long the frame is whose first bytes these are. */
  readonly lengthOf: (begun: readonly number[]) => number | undefined;
  readonly strip: number;
  readonly maximum: number;
  readonly unended: "error" | "frame";
}

export function byFinder(stream: readonly number[], options: FinderPlan): Outcome {
  const { lengthOf, strip, maximum, unended } = options;
  return walk(stream, (at) => {
    const rest = stream.slice(at);
    for (let count = 1; count <= Math.min(maximum, rest.length); count++) {
      const length = lengthOf(rest.slice(0, count));
      if (length === undefined) continue;
      if (length > maximum) return { code: "ERR_TOO_LARGE", position: at };
      if (length < strip) return { code: "ERR_MALFORMED", position: at };
      if (length > rest.length) break;
      return { next: at + length, header: [], bytes: rest.slice(strip, length) };
    }
    const seen = rest.slice(0, maximum);
    const isKnown = seen.some((_, index) => lengthOf(seen.slice(0, index + 1)) !== undefined);
    if (rest.length >= maximum && !isKnown) return { code: "ERR_TOO_LARGE", position: at };
    if (unended === "error" || rest.length < strip) return undefined;
    return { next: stream.length, header: [], bytes: rest.slice(strip) };
  });
}

export function byCount(stream: readonly number[], count: number): Outcome {
  return walk(stream, (at) => {
    if (at + count > stream.length) return undefined;
    return { next: at + count, header: [], bytes: stream.slice(at, at + count) };
  });
}

export const CLOSE_CODES = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011]);
for (const code of [1012, 1013, 1014]) CLOSE_CODES.add(code);
for (let code = 3000; code < 5000; code++) CLOSE_CODES.add(code);

/** Returns the offset of what is wrong with the first two bytes of a frame, or -1. */
export function wrongStart(
  [first, second]: readonly [number, number],
  isServer: boolean,
  rsv: number,
  isOpen: boolean,
): number {
  const fin = first >> 7;
  const opcode = first % 16;
  const reserved = (first >> 4) % 8;
  const control = opcode > 7;
  if (![0, 1, 2, 8, 9, 10].includes(opcode)) return 0;
  if (control || opcode === 0 ? reserved !== 0 : (reserved | rsv) !== rsv) return 0;
  if (control && fin === 0) return 0;
  if (control && second % 128 >= 126) return 1;
  if (opcode === 0 && !isOpen) return 0;
  if ((opcode === 1 || opcode === 2) && isOpen) return 0;
  return second >> 7 === (isServer ? 1 : 0) ? -1 : 1;
}

function isUtf8(bytes: readonly number[]): boolean {
  const text = Buffer.from(bytes).toString();
  return Buffer.from(text).equals(Uint8Array.from(bytes));
}

export function byWebSocket(
  stream: readonly number[],
  options: { readonly role: "server" | "client"; readonly maximum: number; readonly rsv: number },
): Outcome {
  const isServer = options.role === "server";
  let isOpen = false;
  return walk(stream, (at) => {
    const [first, second] = stream.slice(at, at + 2);
    if (first === undefined || second === undefined) return undefined;
    const wrong = wrongStart([first, second], isServer, options.rsv, isOpen);
    if (wrong >= 0) return { code: "ERR_MALFORMED", position: at + wrong };
    const width = ({ 126: 2, 127: 8 } as Record<number, number>)[second % 128] ?? 0;
    const field = stream.slice(at + 2, at + 2 + width);
    if (field.length < width) return undefined;
    let length = BigInt(second % 128);
    if (width > 0) length = field.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    if (width === 2 && length < 126n) return { code: "ERR_MALFORMED", position: at + 2 };
    if (width === 8 && length < 65536n) return { code: "ERR_MALFORMED", position: at + 2 };
    if (length >> 63n !== 0n) return { code: "ERR_MALFORMED", position: at + 2 };
    if (length > options.maximum) return { code: "ERR_TOO_LARGE", position: at };
    const mask = isServer ? stream.slice(at + 2 + width, at + 6 + width) : [0, 0, 0, 0];
    const start = at + 2 + width + (isServer ? 4 : 0);
    const next = start + Number(length);
    if (next > stream.length) return undefined;
    const bytes = stream
      .slice(start, next)
      .map((byte, index) => byte ^ (mask[index % 4] as number));
    const opcode = first % 16;
    if (opcode === 8 && bytes.length > 0) {
      const code = bytes.length > 1 ? (bytes[0] as number) * 256 + (bytes[1] as number) : 0;
      if (!CLOSE_CODES.has(code)) return { code: "ERR_MALFORMED", position: start };
      if (!isUtf8(bytes.slice(2))) return { code: "ERR_MALFORMED", position: start + 2 };
    }
    if (opcode < 8) isOpen = first < 128;
    // A close frame is the last one.
    const after = opcode === 8 ? stream.length : next;
    return { next: after, header: [first >> 7, (first >> 4) % 8, opcode], bytes };
  });
}

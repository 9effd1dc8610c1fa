/**
 * A recorded allocation trace in the format HKT1: four words of head (`"HKT1"`, events, slots, 0),
 * then two words an event, `op << 30 | slot` and `size`. All words are little-endian.
 *
 *   31 30 29                                   0 31                                        0
 *   +----+--------------------------------------+-------------------------------------------+
 *   | op |                 slot                 |                   size                    |
 *   +----+--------------------------------------+-------------------------------------------+
 */
export interface Trace {
  readonly eventCount: number;
  readonly slotCount: number;
  readonly words: Int32Array;
}

export const OP_MALLOC = 0;
export const OP_FREE = 1;
export const OP_REALLOC = 2;
export const OP_SHIFT = 30;
export const SLOT_MASK: number = 2 ** OP_SHIFT - 1;

const MAGIC = 0x31544b48; // "HKT1"
const HEAD_WORDS = 4;
const EVENT_WORDS = 2;

/** A trace that cannot be read; the message says what is wrong with it. */
export class TraceError extends Error {
  override readonly name: string = "TraceError";
  readonly code: string = "ERR_BAD_TRACE";
}

/** The bytes of a trace. */
export function encodeTrace(trace: Trace): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * (HEAD_WORDS + trace.words.length));
  const view = new DataView(bytes.buffer);
  [MAGIC, trace.eventCount, trace.slotCount, 0].forEach((word, index) => {
    view.setInt32(4 * index, word, true);
  });
  for (let index = 0; index < trace.words.length; index++) {
    view.setInt32(4 * (HEAD_WORDS + index), trace.words[index], true);
  }
  return bytes;
}

/**
 * Reads a trace's bytes and checks every event.
 * @throws {TraceError} no HKT1 trace, truncated, longer than it says, or an event that no program
 * can have made: an unknown op, a slot out of range, a size above 2^31 - 1, a slot filled twice or
 * freed while empty.
 */
export function decodeTrace(bytes: Uint8Array): Trace {
  if (bytes.length < 4 * HEAD_WORDS) throw new TraceError(`no HKT1 trace: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) {
    throw new TraceError('no HKT1 trace: "HKT1" is not at its head');
  }
  const eventCount = view.getUint32(4, true);
  const slotCount = view.getUint32(8, true);
  const expected = 4 * (HEAD_WORDS + EVENT_WORDS * eventCount);
  if (bytes.length !== expected) {
    const fault = bytes.length < expected ? "truncated" : "longer than its head says";
    const lengths = `${eventCount} events take ${expected} bytes, not ${bytes.length}`;
    throw new TraceError(`${fault}: ${lengths}`);
  }
  if (slotCount > eventCount) {
    throw new TraceError(`${slotCount} slots for ${eventCount} events: at most one an event`);
  }
  const words = new Int32Array(EVENT_WORDS * eventCount);
  for (let index = 0; index < words.length; index++) {
    words[index] = view.getInt32(4 * (HEAD_WORDS + index), true);
  }
  const trace = { eventCount, slotCount, words };
  checkEvents(trace);
  return trace;
}

function checkEvents({ words, slotCount }: Trace): void {
  const isFull = new Uint8Array(slotCount);
  for (let index = 0; index < words.length; index += EVENT_WORDS) {
    const word = words[index];
    const size = words[index + 1];
    const slot = word & SLOT_MASK;
    const op = word >>> OP_SHIFT;
    const wasFull = isFull[slot] === 1;
    const isSound = op <= OP_REALLOC && slot < slotCount && size >= 0;
    if (!isSound || (op === OP_MALLOC && wasFull) || (op === OP_FREE && !wasFull)) {
      const fault = describeFault(op, slot, size >>> 0, slotCount, wasFull);
      throw new TraceError(`event ${index / EVENT_WORDS}: ${fault}`);
    }
    isFull[slot] = op === OP_FREE ? 0 : 1;
  }
}

function describeFault(
  op: number,
  slot: number,
  size: number,
  slotCount: number,
  wasFull: boolean,
): string {
  if (op > OP_REALLOC) return `op ${op}; the ops are 0 (malloc), 1 (free) and 2 (realloc)`;
  if (slot >= slotCount) return `slot ${slot}, of ${slotCount}`;
  if (size >= 2 ** 31) return `a size of ${size}`;
  return wasFull
    ? `malloc into slot ${slot}, which is full`
    : `free of slot ${slot}, which is empty`;
}

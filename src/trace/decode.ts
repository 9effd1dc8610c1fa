import { TraceError } from "../index.js";
import {
  EVENT_WORDS,
  HEADER_WORDS,
  MAGIC,
  OP_FREE,
  OP_MALLOC,
  OP_REALLOC,
  OP_SHIFT,
  SLOT_MASK,
  type Trace,
} from "./format.js";

/**
 * Reads the bytes of a trace in the format HKT1 and checks every event.
 * @throws {TraceError} when the bytes have no HKT1 header, when they are fewer or more than the
 * header says, or when an event is impossible: an unknown op, a slot out of range, a size above
 * 2^31 - 1, a slot that is filled twice or freed while it is empty.
 */
export function decodeTrace(bytes: Uint8Array): Trace {
  if (bytes.length < 4 * HEADER_WORDS)
    throw new TraceError(`not an HKT1 trace: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) {
    throw new TraceError('not an HKT1 trace: it does not begin with "HKT1"');
  }
  const eventCount = view.getUint32(4, true);
  const slotCount = view.getUint32(8, true);
  const expected = 4 * (HEADER_WORDS + EVENT_WORDS * eventCount);
  if (bytes.length !== expected) {
    const fault = bytes.length < expected ? "truncated" : "longer than its header says";
    const lengths = `${eventCount} events take ${expected} bytes, not ${bytes.length}`;
    throw new TraceError(`${fault}: ${lengths}`);
  }
  if (slotCount > eventCount) {
    throw new TraceError(`${slotCount} slots for ${eventCount} events: at most one per event`);
  }
  const words = new Int32Array(EVENT_WORDS * eventCount);
  for (let index = 0; index < words.length; index++) {
    words[index] = view.getInt32(4 * (HEADER_WORDS + index), true);
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

/**
 * A recorded allocation trace in the format HKT1: a header of four words (`"HKT1"`, events, slots,
 * 0), then two words per event, `op << 30 | slot` and `size`. All words are little-endian.
 *
 *   31 30 29                                   0 31                                        0
 *   +----+--------------------------------------+-------------------------------------------+
 *   | op |                 slot                 |                   size                    |
 *   +----+--------------------------------------+-------------------------------------------+
 */
export interface Trace {
  readonly eventCount: number;
  /** How many slots the events use. A slot stands for one live block at a time. */
  readonly slotCount: number;
  /** Two words per event. */
  readonly words: Int32Array;
}

export const OP_MALLOC = 0;
export const OP_FREE = 1;
export const OP_REALLOC = 2;
export const OP_SHIFT = 30;
export const SLOT_MASK: number = 2 ** OP_SHIFT - 1;

/** "HKT1" */
export const MAGIC = 0x31544b48;
export const HEADER_WORDS = 4;
export const EVENT_WORDS = 2;

/** Returns the bytes of a trace in the format HKT1. */
export function encodeTrace(trace: Trace): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * (HEADER_WORDS + trace.words.length));
  const view = new DataView(bytes.buffer);
  [MAGIC, trace.eventCount, trace.slotCount, 0].forEach((word, index) => {
    view.setInt32(4 * index, word, true);
  });
  for (let index = 0; index < trace.words.length; index++) {
    view.setInt32(4 * (HEADER_WORDS + index), trace.words[index], true);
  }
  return bytes;
}

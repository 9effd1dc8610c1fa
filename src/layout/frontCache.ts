/*
 * The front cache: a chain of cached blocks per class, newest first, linked by the first word of
 * each (see cachedBlock.ts).
 *
 *   128 + class   ROOMS   how many more blocks the chain of the class takes
 *   192 + class   HEADS   ptr of the chain's first block; 0 is none
 *
 * A header byte is the index of what belongs to it: `meta[liveHeader]` is the head of its class's
 * chain, and `meta[cachedHeader]` the room. The words of codes that are no class stay 0, which
 * sends the hot paths to the slow ones. A chain without room goes on the SLL.
 */
export const START = 128;
export const INTS = 128;

export const ROOMS = 128;
export const ROOMS_INTS = 64;
export const HEADS = 192;
export const HEADS_INTS = 64;

/*
 * A cached block: its first words, in the slab where it lies. A granule, the smallest block, has
 * four words.
 *
 *   0 LINK        the next block of the chain; 0 is none
 *   1 CHAIN_LINK  of a chain's first block on the SLL, the next chain; 0 is none
 *   2 .. 3 free
 *
 * A stale view can overwrite both. So a link is a hint: the header byte of the block that it names
 * says whether that block is cached, and its slab whether it is this worker's.
 */
export const INTS = 4;

export const LINK = 0;
export const CHAIN_LINK = 1;

/** How a length is written in front of what it is the length of. */
export type LengthPrefix = "u8" | "u16le" | "u16be" | "u32le" | "u32be" | "varint" | "quic";

/** What the prefixes are, for the message about one that is none. */
export const PREFIXES = '"u8", "u16le", "u16be", "u32le", "u32be", "varint" or "quic"';

export const QUIC_MAX: bigint = 2n ** 62n - 1n;

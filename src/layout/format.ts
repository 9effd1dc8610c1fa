/** The first word of every heap image. */
export const MAGIC_VALUE = 0x6d6b6168; // "hakm"
/** Stands in place of `MAGIC_VALUE` while a buffer is being formatted for workers. */
export const FORMATTING = 0x746d7266; // "frmt"
/** The version of the layout. A test says when it must be raised. */
export const FORMAT_VERSION = 4;

/** Branded numbers: a plain number at run time, a distinct type to the compiler. */

declare global {
  interface SymbolConstructor {
    /** For those who compile without `ESNext.Disposable`. */
    readonly dispose: unique symbol;
  }
}

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Byte offset of a block's first byte in the heap's buffer; a multiple of 16; 0 is null. */
export type Ptr = Branded<"Ptr">;

/** A slab's number: its byte offset divided by the slab size. */
export type SlabIndex = Branded<"SlabIndex">;

/** A size class, 1 to `CLASS_COUNT`, or `SPAN_CLASS`. */
export type ClassIndex = Branded<"ClassIndex">;

/** One byte of the header map: state and class. */
export type Header = Branded<"Header">;

export const NULL: Ptr = 0 as Ptr;

/** Kinds of numbers: a plain number at run time, distinct types to the compiler. */

declare global {
  interface SymbolConstructor {
    /** For programs that are compiled without `ESNext.Disposable`. */
    readonly dispose: unique symbol;
  }
}

declare const brand: unique symbol;

/** A number that only a cast makes: for what a program holds. */
type Branded<Name extends string> = number & { readonly [brand]: Name };

/**
 * A number that is known to be an index of one kind. A plain number may become one, since words and
 * loops give plain numbers; but one kind is never taken for another.
 */
type Kind<Name extends string> = number & { readonly [brand]?: Name };

/** Byte offset of a block's first byte in the heap's buffer; a multiple of 16; 0 is null. */
export type Ptr = Branded<"Ptr">;

/** A granule's number, and the index of its header byte: its byte offset divided by 16. */
export type Granule = Kind<"Granule">;

/** A slab's number: its byte offset divided by the slab size; 0 is none. */
export type SlabIndex = Kind<"SlabIndex">;

/** A size class, 1 to `CLASS_COUNT`, or `SPAN_CLASS`. */
export type ClassIndex = Kind<"ClassIndex">;

/** One byte of the header map: state and class. */
export type Header = Kind<"Header">;

/** A worker's number, and that of its slot. */
export type WorkerIndex = Kind<"WorkerIndex">;

/** The index of a record's first word in the view that has the record. */
export type WordIndex = Kind<"WordIndex">;

export const NULL: Ptr = 0 as Ptr;

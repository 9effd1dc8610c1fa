/** The types of the values that a description stands for. */
import type { UnionField } from "./choices.js";
import type { Infer, InferInput, RefsOf } from "./field.js";

type Flat<T> = T extends unknown ? { [K in keyof T]: T[K] } : never;

/** Names of the fields that have a value. */
type Named<D> = { [K in keyof D]: [Infer<D[K]>] extends [never] ? never : K }[keyof D];
/** Names of unions. */
type Unions<D> = {
  [K in keyof D]: D[K] extends UnionField<infer _Name, infer _Cases, infer _Refs, infer _Others>
    ? K
    : never;
}[keyof D];
/** Names of the fields whose values the others tell: they may be absent. */
type Told<D> = { [K in keyof D]: RefsOf<D[K]> }[keyof D];
/** Names of the fields whose values may be undefined. */
type Optional<D> = {
  [K in keyof D]: undefined extends InferInput<D[K]> ? K : never;
}[keyof D];

/** What the tag of other values may be: of the kind of those that have a case. */
type Tag<C> = keyof C extends number ? number : keyof C extends string ? string : PropertyKey;

/** One union as a union of objects, by the field that says which it is. */
type OutputArms<Field, K extends PropertyKey> =
  Field extends UnionField<infer Name, infer C, infer _Refs, infer O>
    ?
        | { [T in keyof C]: { [P in Name]: T } & { [P in K]: Infer<C[T]> } }[keyof C]
        | ([O] extends [never] ? never : { [P in Name]: Tag<C> } & { [P in K]: Infer<O> })
    : never;
type InputArms<Field, K extends PropertyKey> =
  Field extends UnionField<infer Name, infer C, infer _Refs, infer O>
    ?
        | {
            [T in keyof C]: { readonly [P in Name]: T } & { readonly [P in K]: InferInput<C[T]> };
          }[keyof C]
        | ([O] extends [never]
            ? never
            : { readonly [P in Name]: Tag<C> } & { readonly [P in K]: InferInput<O> })
    : never;

/** All of the unions at once. As arguments of functions they are not distributed. */
type AllOutputs<D> = {
  [K in Unions<D>]: (arms: OutputArms<D[K], K>) => void;
}[Unions<D>] extends (arms: infer Arms) => void
  ? Arms
  : unknown;
type AllInputs<D> = {
  [K in Unions<D>]: (arms: InputArms<D[K], K>) => void;
}[Unions<D>] extends (arms: infer Arms) => void
  ? Arms
  : unknown;

type Base<D> = { -readonly [K in Exclude<Named<D>, Unions<D>>]: Infer<D[K]> };
type BaseInput<D> = {
  readonly [K in Exclude<Named<D>, Told<D> | Optional<D> | Unions<D>>]: InferInput<D[K]>;
} & {
  readonly [K in Exclude<Extract<Named<D>, Told<D> | Optional<D>>, Unions<D>>]?:
    | InferInput<D[K]>
    | undefined;
};

/** The type of the values that a description reads. */
export type OutputOf<D> = [Unions<D>] extends [never]
  ? Flat<Base<D>>
  : Flat<Base<D> & AllOutputs<D>>;
/** The type of the values that it writes. */
export type InputOf<D> = [Unions<D>] extends [never]
  ? Flat<BaseInput<D>>
  : Flat<BaseInput<D> & AllInputs<D>>;

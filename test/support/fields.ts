import { FIELDS, type FieldName } from "../../src/codec/fields.js";

/**
 * An integer of one width. Its name comes from the codec's table, and all else is computed from the
 * name, so that a wrong width or range in the table is found.
 */
export interface IntegerField {
  readonly name: FieldName;
  readonly bytes: number;
  readonly isLittle: boolean;
  /** Whether its values are bigints. */
  readonly isBig: boolean;
  readonly least: bigint;
  readonly most: bigint;
}

function toInteger(name: FieldName): IntegerField | undefined {
  const [, sign, digits, end] = /^([ui])(\d+)(le|be)?$/.exec(name) ?? [];
  if (sign === undefined) return undefined;
  const bits = BigInt(digits as string);
  return {
    name,
    bytes: Number(bits / 8n),
    isLittle: end === "le",
    isBig: bits === 64n,
    least: sign === "i" ? -(2n ** (bits - 1n)) : 0n,
    most: 2n ** (sign === "i" ? bits - 1n : bits) - 1n,
  };
}

const NAMES = Object.keys(FIELDS) as FieldName[];

/** All integers that the codec has, so that a new one is tested too. */
export const INTEGER_FIELDS: readonly IntegerField[] = NAMES.flatMap(
  (name) => toInteger(name) ?? [],
);

type FloatName = Extract<FieldName, `f${string}`>;

/** All others are floats. */
export const FLOAT_FIELDS: readonly FloatName[] = NAMES.filter(
  (name): name is FloatName => toInteger(name) === undefined,
);

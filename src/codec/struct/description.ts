/** Checks of descriptions, made when they are compiled. */
import { invalid } from "../../buffers/errors.js";
import { type AnyField, Field } from "./field.js";

/** @throws {BufferError} ERR_INVALID_ARGUMENT unless it is a field */
export function checkFieldOf(name: string, field: unknown): AnyField {
  if (field instanceof Field) return field;
  throw invalid(name, field, 'a field, such as u8 or utf8Prefixed("u8")');
}

/**
 * Returns a field that stands alone within another one, as an element.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function checkInner(name: string, field: unknown): AnyField {
  const inner = checkFieldOf(name, field);
  if (inner.wants !== undefined) {
    throw invalid(name, field, `no field that refers to ${inner.wants}, which is not beside it`);
  }
  if (inner.wantsStart) throw invalid(name, field, "no alignment, which stands in a struct");
  return inner;
}

/**
 * Returns a field within another one that stands in a struct, and that may refer to one field
 * beside that.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function checkReferring(name: string, field: unknown): AnyField {
  const inner = checkFieldOf(name, field);
  if (inner.wantsAlso !== undefined) {
    const expected = `no field that refers to both ${inner.wants} and ${inner.wantsAlso}`;
    throw invalid(name, field, expected);
  }
  if (inner.wantsStart) throw invalid(name, field, "no alignment, which stands in a struct");
  return inner;
}

/** Returns a field that can stand in a list. @throws {BufferError} ERR_INVALID_ARGUMENT */
export function checkElement(field: unknown): AnyField {
  const element = checkInner("an element", field);
  if (element.isSilent) throw invalid("an element", field, "a field with a value");
  if (element.isOpen()) {
    throw invalid("an element", field, "a field that ends before the rest; see sized");
  }
  return element;
}

/**
 * Hides properties of an object from what prints or compares it, such as a view of a whole heap,
 * of which all bytes would be read.
 */
export function hide<T extends object>(object: T, ...names: (keyof T)[]): void {
  for (const name of names) Object.defineProperty(object, name, { enumerable: false });
}

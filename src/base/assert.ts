/** Throws unless a relation between constants holds. Called where modules load. */
export function staticAssert(condition: boolean, relation: string): void {
  if (!condition) throw new Error(`static assertion failed: ${relation}`);
}

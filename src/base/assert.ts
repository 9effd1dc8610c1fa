/** Holds relations between constants when the module loads. */
export function staticAssert(condition: boolean, relation: string): void {
  if (!condition) throw new Error(`static assertion failed: ${relation}`);
}

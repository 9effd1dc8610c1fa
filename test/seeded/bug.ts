/** A bug that is planted in a copy of the sources, to see that a test fails. */
export interface SeededBug {
  readonly name: string;
  /** What goes wrong because of it. */
  readonly harm: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

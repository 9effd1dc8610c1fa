import type { Heap, SharedHeap } from "../../src/index.js";

/**
 * One way to get memory for buffers: hakmem or a rival. A block is what the program keeps, an
 * offset or a view. Every subject runs in a process of its own, so that V8 sees only one of them.
 */
export interface Subject<Block> {
  /** Returns an array for so many blocks, of offsets or of objects. */
  createSlots(count: number): Slots<Block>;
  malloc(size: number): Block;
  free(block: Block): void;
  /** Keeps the bytes that both sizes have. */
  realloc(block: Block, size: number): Block;
  write(block: Block, offset: number, value: number): void;
  read(block: Block, offset: number): number;
  fill(block: Block, size: number, value: number): void;
  /** Returns hakmem's statistics; rivals have none. */
  readonly gauge?: () => HeapGauge;
  /** hakmem's heap, for its map. */
  readonly heap?: Heap | SharedHeap;
}

export type Slots<Block> = { [index: number]: Block; readonly length: number };

/** hakmem's statistics since the heap was created. */
export interface HeapGauge {
  readonly refills: number;
  readonly drains: number;
  readonly slabsOpened: number;
  readonly committedBytes: number;
  readonly peakCommittedBytes: number;
  readonly hits: number;
  readonly misses: number;
}

/** A subject's row in the table: its name on the command line, and how to get it. */
export interface SubjectRow {
  readonly name: string;
  readonly title: string;
  readonly kind: "heap" | "javascript" | "wasm" | "native";
  /** How to install what it needs; undefined if nothing. */
  readonly install?: string;
  /** Names of the library that is preloaded, the newest version first. */
  readonly libraries?: readonly string[];
}

/** A subject that cannot be run here, and what to do about it. */
export class SubjectMissing extends Error {
  override readonly name: string = "SubjectMissing";
}

import { Buffer } from "node:buffer";
import { DEFAULT_LIMIT, TraceWriter } from "../../src/trace/recorder.js";
import { isOfLoader, SiteTable, type Trap } from "./sites.js";

/** The originals, before the program can change them. */
const { apply, construct } = Reflect;

const FACTORIES = ["alloc", "allocUnsafe", "allocUnsafeSlow", "from", "concat"] as const;
const MAX_SIZE_BYTES = 2 ** 31 - 1;
/**
 * Node reads modules into buffers, which are not the program's. The origin of a buffer is looked up
 * until the program has made so many of its own; to do it for all would take too long.
 */
const CHECKED_ALLOCATIONS = 1000;

export interface BufferLog {
  readonly writer: TraceWriter;
  readonly sites: SiteTable;
  /** The recorder's own buffers, as it writes its files, are not the program's. */
  stop(): void;
}

/** Records what is made and, when the collector says so, that it is gone. */
class Recorder implements BufferLog {
  readonly writer: TraceWriter = new TraceWriter(DEFAULT_LIMIT);
  readonly sites: SiteTable;
  /** Set while a factory runs, because what it calls is part of the same allocation. */
  isBusy = false;
  #checksLeft = CHECKED_ALLOCATIONS;
  readonly #registry: FinalizationRegistry<number> = new FinalizationRegistry((slot) =>
    this.writer.free(slot),
  );

  constructor(every: number) {
    this.sites = new SiteTable(every);
  }

  stop(): void {
    this.isBusy = true;
  }

  note(made: unknown, trap: Trap): void {
    if (this.writer.isFull || !(made instanceof NativeUint8Array)) return;
    const bytes = made.byteLength;
    if (bytes > MAX_SIZE_BYTES) return;
    try {
      if (this.#checksLeft > 0) {
        if (isOfLoader(trap)) return;
        this.#checksLeft--;
      }
      const slot = this.writer.malloc(bytes);
      if (slot < 0) return;
      this.#registry.register(made, slot);
      this.sites.count(bytes, trap);
    } catch {
      // Whatever went wrong, the program has its buffer.
      this.stop();
    }
  }
}

const NativeUint8Array = globalThis.Uint8Array;

/** Replaces a property's value and keeps its flags. A locked property stays as it is. */
function replace(owner: object, name: string, value: unknown): void {
  Reflect.defineProperty(owner, name, {
    ...Object.getOwnPropertyDescriptor(owner, name),
    value,
  });
}

/** A Proxy keeps the function's name, length and text. */
function watchFactory(name: (typeof FACTORIES)[number], recorder: Recorder): void {
  const trap = (target: Trap, self: unknown, args: unknown[]): unknown => {
    if (recorder.isBusy) return apply(target, self, args);
    recorder.isBusy = true;
    try {
      const made = apply(target, self, args) as Buffer;
      // `Buffer.from(arrayBuffer)` is a view: it allocates nothing.
      if (name !== "from" || made.buffer !== args[0]) recorder.note(made, trap);
      return made;
    } finally {
      recorder.isBusy = false;
    }
  };
  replace(Buffer, name, new Proxy(Buffer[name] as Trap, { apply: trap }));
}

/**
 * `new Uint8Array(n)`, also by a class that extends it or by `Uint8Array.from`. `constructor` of
 * the prototype and the parent of `Buffer` are what the program sees as `Uint8Array`, as before.
 */
function watchConstructor(recorder: Recorder): void {
  const trap = (target: typeof Uint8Array, args: unknown[], newTarget: unknown): object => {
    const actual = (newTarget === proxy ? target : newTarget) as typeof Uint8Array;
    if (recorder.isBusy || typeof args[0] !== "number") return construct(target, args, actual);
    recorder.isBusy = true;
    try {
      const made = construct(target, args, actual) as object;
      recorder.note(made, trap);
      return made;
    } finally {
      recorder.isBusy = false;
    }
  };
  const proxy: typeof Uint8Array = new Proxy(NativeUint8Array, { construct: trap });
  replace(globalThis, "Uint8Array", proxy);
  replace(NativeUint8Array.prototype, "constructor", proxy);
  if (Object.isExtensible(Buffer)) Object.setPrototypeOf(Buffer, proxy);
}

/** Records the buffers of this thread from now on, and the site of one in `every` of them. */
export function recordBuffers(every: number): BufferLog {
  const recorder = new Recorder(every);
  for (const name of FACTORIES) watchFactory(name, recorder);
  watchConstructor(recorder);
  return recorder;
}

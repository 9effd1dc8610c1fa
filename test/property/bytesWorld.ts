import { expect } from "vitest";
import { BufferError, type Bytes, BytesPool } from "../../src/buffers/index.js";
import { partsOf } from "../../src/buffers/internal.js";
import { Heap, SharedHeap } from "../../src/index.js";

/** One byte of memory. Slices that share memory have the same cells in their lists. */
interface Cell {
  value: number;
  readonly block: object;
  /** Its place in the block. */
  readonly place: number;
}

/** A handle, and the bytes that it must have. */
interface Held {
  readonly bytes: Bytes;
  cells: Cell[];
  references: number;
  isFrozen: boolean;
  /** A block of 0 bytes, which has no cell. */
  emptyBlock: object | undefined;
}

type AnyHeap = Heap | SharedHeap;
export type Kind = "heap" | "shared";

const CAPACITY_BYTES = 2 ** 22;
/** Nothing is made longer than this, because comparing takes time. */
const MOST_BYTES = 150_000;

function sizeOf(pick: number): number {
  const detail = pick >>> 6;
  const kind = pick & 63;
  if (kind === 0) return 65_530 + (detail % 20);
  if (kind < 4) return detail % 3000;
  if (kind < 8) return 0;
  return detail % 40;
}

function contentOf(pick: number): Uint8Array {
  return Uint8Array.from({ length: sizeOf(pick) }, (_, index) => (index * 31 + pick) & 255);
}

/** Handles of one heap, made by the pools of its workers, beside plain lists of cells. */
export class BytesWorld {
  private readonly heaps: AnyHeap[];
  private readonly pools: BytesPool[];
  private readonly held: Held[] = [];
  private readonly released: Bytes[] = [];

  constructor(kind: Kind) {
    if (kind === "heap") {
      this.heaps = [Heap.create({ capacity: CAPACITY_BYTES })];
      // Two pools of one heap.
      this.pools = [0, 1].map(() => new BytesPool(this.heaps[0] as AnyHeap));
      return;
    }
    const first = SharedHeap.create({ capacity: CAPACITY_BYTES, maxWorkers: 2, fastCap: 30 });
    this.heaps = [first, SharedHeap.attach(first.buffer)];
    this.pools = this.heaps.map((heap) => new BytesPool(heap));
  }

  /* What a program does. Each takes numbers and applies in every state. */

  alloc(pick: number): void {
    const bytes = this.pool(pick).alloc(sizeOf(pick >>> 1));
    expect(bytes.toUnshared().every((byte) => byte === 0)).toBe(true);
    this.own(bytes);
  }

  allocUnsafe(pick: number): void {
    this.own(this.pool(pick).allocUnsafe(sizeOf(pick >>> 1)));
  }

  from(pick: number, as: number): void {
    const content = contentOf(pick);
    const forms = [content, [...content], content.buffer, new DataView(content.buffer)] as const;
    const bytes = this.pool(pick).from(forms[as & 3] as Uint8Array);
    expect(Buffer.compare(bytes.toUnshared(), content)).toBe(0);
    this.own(bytes);
  }

  text(pick: number): void {
    const text = "aé€😀\ud800".repeat(sizeOf(pick) % 50).slice(pick & 3);
    const bytes = this.pool(pick).from(text);
    expect(Buffer.compare(bytes.toUnshared(), Buffer.from(text))).toBe(0);
    this.own(bytes);
  }

  slice(pick: number, a: number, b: number): void {
    this.with(pick, ({ bytes, cells, isFrozen }) => {
      const [start, end] = range(cells.length, a, b);
      this.keep(bytes.slice(start, end), cells.slice(start, end), isFrozen);
    });
  }

  split(pick: number, a: number): void {
    this.with(pick, (one) => {
      const position = a % (one.cells.length + 1);
      const head = one.bytes.split(position);
      this.keep(head, one.cells.slice(0, position), one.isFrozen);
      one.cells = one.cells.slice(position);
      one.emptyBlock = undefined;
    });
  }

  concat(pick: number, a: number, b: number): void {
    this.with(pick, (one) => {
      const others = [a, b].slice(0, 1 + (a & 1)).map((which) => this.any(which) as Held);
      const all = [one, ...others];
      if (all.reduce((sum, { cells }) => sum + cells.length, 0) > MOST_BYTES) return;
      const chain = one.bytes.concat(...others.map(({ bytes }) => bytes));
      const isFrozen = all.some((each) => each.isFrozen);
      this.keep(
        chain,
        all.flatMap(({ cells }) => cells),
        isFrozen,
      );
    });
  }

  compact(pick: number): void {
    this.with(pick, ({ bytes, cells }) => {
      const copy = bytes.compact();
      expect(copy.view().length).toBe(cells.length);
      this.own(copy);
      this.check(this.held.at(-1) as Held);
      expect(bytes.equals(copy)).toBe(true);
    });
  }

  set(pick: number, a: number, b: number): void {
    this.with(pick, (one) => {
      const index = a % (one.cells.length + 2);
      const cell = one.cells[index];
      const code = one.isFrozen ? "ERR_FROZEN" : cell ? "" : "ERR_OUT_OF_RANGE";
      expect(codeOf(() => one.bytes.set(index, b & 255))).toBe(code);
      if (cell && code === "") cell.value = b & 255;
    });
  }

  write(pick: number, a: number, b: number): void {
    this.with(pick, (one) => {
      const content = contentOf(b);
      const position = a % (one.cells.length + 1);
      const fits = position + content.length <= one.cells.length;
      const code = one.isFrozen ? "ERR_FROZEN" : fits ? "" : "ERR_OUT_OF_RANGE";
      expect(codeOf(() => one.bytes.write(content, position))).toBe(code);
      if (code === "")
        for (const [index, value] of content.entries()) setCell(one.cells, position + index, value);
    });
  }

  /** Writes the bytes of a view of the same heap, which may overlap with the target. */
  writeOwn(pick: number, a: number, b: number): void {
    this.with(pick, (one) => {
      const source = this.any(a) as Held;
      const isView = partsOf(source.bytes).length <= 1 && !source.isFrozen;
      expect(codeOf(() => source.bytes.view()) === "").toBe(isView);
      if (!isView || one.isFrozen || source.cells.length > one.cells.length) return;
      const position = b % (one.cells.length - source.cells.length + 1);
      const values = source.cells.map(({ value }) => value);
      one.bytes.write(source.bytes.view(), position);
      for (const [index, value] of values.entries()) setCell(one.cells, position + index, value);
    });
  }

  retain(pick: number): void {
    this.with(pick, (one) => {
      if (one.references > 3) return;
      one.bytes.retain();
      one.references++;
    });
  }

  release(pick: number, how: number): void {
    this.with(pick, (one) => {
      expect(one.bytes.refCount).toBe(one.references);
      if (how & 1) one.bytes.release();
      else one.bytes[Symbol.dispose]();
      one.references--;
      if (one.references === 0) this.forget(one);
    });
  }

  freeze(pick: number, how: number): void {
    this.with(pick, (one) => {
      if (how % 4 !== 0) return;
      one.bytes.freeze();
      one.isFrozen = true;
    });
  }

  /** Gives a block away, and another pool takes it, or a part of it. */
  handOff(pick: number, a: number, b: number): void {
    this.with(pick, (one) => {
      const isSole = this.isSole(one) && partsOf(one.bytes).length === 1;
      let given: ReturnType<Bytes["handOff"]> | undefined;
      const code = codeOf(() => {
        given = one.bytes.handOff();
      });
      expect(code).toBe(isSole ? "" : "ERR_NOT_OWNED");
      if (given === undefined) return;
      expect(given.length).toBe(one.cells.length);
      this.forget(one);
      const length = a % 3 === 0 ? b % (given.length + 1) : given.length;
      this.keep(this.pool(a).adopt(given.ptr, length), one.cells.slice(0, length), false);
      if (length === 0) (this.held.at(-1) as Held).emptyBlock = {};
    });
  }

  /** Reads in every way. */
  read(pick: number, a: number, b: number): void {
    this.with(pick, ({ bytes, cells }) => {
      const values = Uint8Array.from(cells, ({ value }) => value);
      const [start, end] = range(cells.length, a, b);
      const target = new Uint8Array(values.length);
      expect(bytes.copyTo(target, values.length - end, start, end)).toBe(end - start);
      expect(
        Buffer.compare(
          target.subarray(values.length - end, values.length - start),
          values.subarray(start, end),
        ),
      ).toBe(0);
      expect(Buffer.compare(Buffer.concat([...bytes.chunks()]), values)).toBe(0);
      expect(bytes.indexOf(b & 255, start)).toBe(values.indexOf(b & 255, start));
      expect(bytes.toString()).toBe(Buffer.from(values).toString());
      expect(bytes.equals(values)).toBe(true);
      if (start < values.length) expect(bytes.at(start)).toBe(values[start]);
      if (values.length > 0) {
        values[start % values.length] = (values[start % values.length] as number) ^ 1;
        expect(bytes.equals(values)).toBe(false);
      }
    });
  }

  useReleased(pick: number, how: number): void {
    const bytes = this.released[pick % Math.max(1, this.released.length)];
    if (bytes === undefined) return;
    const uses = [
      () => bytes.release(),
      () => bytes.slice(),
      () => bytes.toUnshared(),
      () => bytes.retain(),
      () => bytes.handOff(),
      () => this.held[0]?.bytes.concat(bytes) ?? bytes.length,
    ];
    expect(codeOf(uses[how % uses.length] as () => void)).toBe("ERR_RELEASED");
  }

  drain(): void {
    for (const heap of this.heaps) heap.drain();
  }

  /* Checks. */

  checkAll(): void {
    for (const one of this.held) this.check(one);
    const blocks = new Set(this.held.flatMap((one) => blocksOf(one)));
    expect(this.heaps[0]?.stats().live.blocks).toBe(blocks.size);
  }

  /** Releases everything and checks that nothing is left. */
  finish(): void {
    this.checkAll();
    for (const { bytes, references } of this.held) {
      for (let count = 0; count < references; count++) bytes.release();
    }
    // Twice, because one worker sends blocks home and another collects them.
    for (let turn = 0; turn < 2; turn++) this.drain();
    const heap = this.heaps[0] as AnyHeap;
    heap.verify();
    expect([heap.stats().live.blocks, heap.stats().slabs.inUse]).toEqual([0, 0]);
  }

  private check({ bytes, cells, references, isFrozen }: Held): void {
    expect([bytes.length, bytes.refCount, bytes.isFrozen]).toEqual([
      cells.length,
      references,
      isFrozen,
    ]);
    const shown = bytes.toUnshared();
    for (const [index, { value }] of cells.entries()) {
      if (shown[index] !== value) throw new Error(`byte ${index} is ${shown[index]}, not ${value}`);
    }
  }

  private pool(pick: number): BytesPool {
    return this.pools[pick & 1] as BytesPool;
  }

  private any(pick: number): Held | undefined {
    return this.held[pick % Math.max(1, this.held.length)];
  }

  /** Does something to a handle, and checks it if it is still there. */
  private with(pick: number, act: (one: Held) => void): void {
    const one = this.any(pick);
    if (one === undefined) return;
    act(one);
    if (one.references > 0 && one.cells.length < 5000) this.check(one);
  }

  /** Adds a handle with a block of its own, whose contents are taken as they are. */
  private own(bytes: Bytes): void {
    const block = {};
    const cells = Array.from(bytes.toUnshared(), (value, place) => ({ value, block, place }));
    this.keep(bytes, cells, false);
    if (cells.length === 0) (this.held.at(-1) as Held).emptyBlock = block;
  }

  private keep(bytes: Bytes, cells: Cell[], isFrozen: boolean): void {
    this.held.push({ bytes, cells, references: 1, isFrozen, emptyBlock: undefined });
  }

  private forget(one: Held): void {
    one.references = 0;
    this.held.splice(this.held.indexOf(one), 1);
    this.released.push(one.bytes);
    expect([one.bytes.isReleased, one.bytes.refCount]).toEqual([true, 0]);
  }

  /** Returns whether it alone holds its one block, and begins at the first byte of it. */
  private isSole(one: Held): boolean {
    const blocks = new Set(blocksOf(one));
    if (blocks.size !== 1 || one.references !== 1) return false;
    const others = this.held.filter((other) => other !== one);
    if (others.some((other) => blocksOf(other).some((block) => blocks.has(block)))) return false;
    return one.cells.every(({ place }, index) => place === index);
  }
}

function blocksOf({ cells, emptyBlock }: Held): object[] {
  const blocks = new Set(cells.map(({ block }) => block));
  return emptyBlock === undefined ? [...blocks] : [...blocks, emptyBlock];
}

function setCell(cells: readonly Cell[], index: number, value: number): void {
  (cells[index] as Cell).value = value;
}

function range(length: number, a: number, b: number): [number, number] {
  const [x, y] = [a % (length + 1), b % (length + 1)];
  return [Math.min(x, y), Math.max(x, y)];
}

/** Returns the code that an action throws, or "" if it throws nothing. */
function codeOf(action: () => void): string {
  try {
    action();
    return "";
  } catch (error) {
    if (!(error instanceof BufferError)) throw error;
    return error.code;
  }
}

import { describe, expect, it } from "vitest";
import { createSubject } from "../../../bench/rivals/create.js";
import { loadPackage } from "../../../bench/rivals/linear.js";
import { type Subject, SubjectMissing } from "../../../bench/rivals/subject.js";
import { SUBJECTS } from "../../../bench/rivals/table.js";

const SEED = 20261122;
const SLOTS = 200;
const STEPS = 3000;
const scripted = SUBJECTS.filter(({ kind }) => kind !== "native").map(({ name }) => name);

/** Numbers from 0 up to a bound, the same in every run: xorshift32. */
function createRandom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** The subject, or undefined if what it needs is not installed. */
async function tryCreate(name: string): Promise<Subject<unknown> | string> {
  try {
    return await createSubject(name);
  } catch (error) {
    if (error instanceof SubjectMissing) return error.message;
    throw error;
  }
}

/** Does what a subject can do, on blocks that are each held against an array of their own. */
class Model {
  readonly #random = createRandom(SEED);
  readonly #subject: Subject<unknown>;
  readonly #slots: { [index: number]: unknown };
  readonly #oracles: (Uint8Array | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(subject: Subject<unknown>) {
    this.#subject = subject;
    this.#slots = subject.createSlots(SLOTS);
  }

  step(): void {
    const slot = this.#random(SLOTS);
    const size = this.#size();
    const oracle = this.#oracles[slot];
    const choice = this.#random(4);
    this.verify(slot);
    if (oracle === undefined) {
      this.#slots[slot] = this.#subject.malloc(size);
      this.#refill(slot, size);
    } else if (choice === 0) this.#write(slot, oracle);
    else if (choice === 1) this.#realloc(slot, oracle, size);
    else {
      this.#subject.free(this.#slots[slot]);
      this.#oracles[slot] = undefined;
    }
  }

  verify(slot: number): void {
    const oracle = this.#oracles[slot];
    if (oracle === undefined) return;
    const block = this.#slots[slot];
    const fault = oracle.findIndex((value, offset) => this.#subject.read(block, offset) !== value);
    if (fault >= 0) expect.fail(`byte ${fault} of slot ${slot} is wrong; seed ${SEED}`);
  }

  #size(): number {
    const kind = this.#random(8);
    if (kind === 0) return 0;
    return this.#random(kind === 1 ? 20_000 : 300);
  }

  #refill(slot: number, size: number): void {
    const value = this.#random(256);
    this.#subject.fill(this.#slots[slot], size, value);
    this.#oracles[slot] = new Uint8Array(size).fill(value);
  }

  #write(slot: number, oracle: Uint8Array): void {
    if (oracle.length === 0) return;
    const offset = this.#random(oracle.length);
    const value = this.#random(256);
    this.#subject.write(this.#slots[slot], offset, value);
    oracle[offset] = value;
  }

  #realloc(slot: number, oracle: Uint8Array, size: number): void {
    this.#slots[slot] = this.#subject.realloc(this.#slots[slot], size);
    this.#oracles[slot] = oracle.subarray(0, Math.min(size, oracle.length));
    this.verify(slot);
    this.#refill(slot, size);
  }
}

describe.each(scripted)("the subject %s", (name) => {
  it("keeps the bytes of every block apart from all others", async (context) => {
    const subject = await tryCreate(name);
    if (typeof subject === "string") return context.skip(subject);
    const model = new Model(subject);
    for (let step = 0; step < STEPS; step++) model.step();
    for (let slot = 0; slot < SLOTS; slot++) model.verify(slot);
  });

  it("takes a size of 0", async (context) => {
    const subject = await tryCreate(name);
    if (typeof subject === "string") return context.skip(subject);
    const blocks = [subject.malloc(0), subject.malloc(0)];
    blocks[0] = subject.realloc(blocks[0], 10);
    blocks[1] = subject.realloc(blocks[1], 0);
    subject.fill(blocks[0], 10, 7);
    subject.fill(blocks[1], 0, 9);
    expect(subject.read(blocks[0], 9)).toBe(7);
    blocks[0] = subject.realloc(blocks[0], 0);
    for (const block of blocks) subject.free(block);
  });
});

describe.each(["thi.ng", "malloc", "tlsf"])("the rival %s, over one buffer", (name) => {
  it("says that it is exhausted, and can be used after", async (context) => {
    const subject = await tryCreate(name);
    if (typeof subject === "string") return context.skip(subject);
    const most = subject.malloc(200 * 2 ** 20);
    expect(() => subject.malloc(100 * 2 ** 20)).toThrow(`${name} is exhausted`);
    subject.free(most);
    subject.free(subject.malloc(100 * 2 ** 20));
  });

  it("uses again what a realloc leaves", async (context) => {
    const subject = await tryCreate(name);
    if (typeof subject === "string") return context.skip(subject);
    let block = subject.malloc(2 ** 20);
    for (let time = 0; time < 600; time++) {
      const wall = subject.malloc(16);
      block = subject.realloc(block, 2 ** 20 + 32 * time);
      subject.free(wall);
    }
    subject.free(block);
  });
});

describe("a rival that is not installed", () => {
  it("is missing, with how to install it", async () => {
    const missing = loadPackage("@hakmem/no-such-rival");
    await expect(missing).rejects.toThrow(SubjectMissing);
    await expect(loadPackage("@hakmem/no-such-rival/file.js")).rejects.toThrow(
      "npm install @hakmem/no-such-rival",
    );
  });

  it("is refused if it is native or unknown", async () => {
    await expect(createSubject("glibc")).rejects.toThrow("no subject in JavaScript");
    await expect(createSubject("nothing")).rejects.toThrow("no subject in JavaScript");
  });
});

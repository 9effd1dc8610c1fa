/** One process of `bench:buffers`: all contestants of one case in turn, as JSON on a line. */
import { median, steady } from "../../base/statistics.js";
import { type Codec, type MessageWriter, READERS, WRITERS } from "./codecs.js";
import { digest, encode, MESSAGES, type Message, makeMessages } from "./messages.js";
import { type Allocator, POOLED, POOLED_NODE } from "./pools.js";

/** Nanoseconds for each operation, by contestant: the median of the later rounds. */
export type Figures = Record<string, number>;

/** Does it so many times. */
type Runner = (times: number) => void;

interface Contestant {
  readonly name: string;
  readonly run: Runner;
}

declare const gc: () => void;

let sink = 0;

/** All contestants write, and those that read do read, one another's messages byte for byte. */
function check(codec: MessageWriter | Codec, messages: readonly Message[]): void {
  for (const message of messages) {
    const bytes = encode(message);
    codec.write(message);
    if (Buffer.compare(codec.written(), bytes) !== 0) throw new Error(`${codec.name} miswrites`);
    if (!("read" in codec)) continue;
    codec.open(bytes);
    if (codec.read() !== digest(message)) throw new Error(`${codec.name} misreads`);
  }
}

function writer(make: () => MessageWriter, messages: readonly Message[]): Contestant {
  const codec = make();
  check(codec, messages);
  return {
    name: codec.name,
    run(times) {
      let sum = 0;
      for (let index = 0; index < times; index++) {
        sum += codec.write(messages[index % MESSAGES] as Message);
      }
      sink += sum;
    },
  };
}

/** How messages come in, and how many are read of an input in a row. */
const INPUTS: Readonly<Record<string, (encoded: readonly Uint8Array[]) => Uint8Array[]>> = {
  /** Each in an array of its own. */
  array: (encoded) => encoded.map((bytes) => new Uint8Array(bytes)),
  /** Each in a frame, a view of what the socket gave. */
  frame(encoded) {
    const all = new Uint8Array(Buffer.concat(encoded));
    let end = 0;
    return encoded.map(({ length }) => {
      end += length;
      return all.subarray(end - length, end);
    });
  },
  /** All in one array, one after another. */
  row: (encoded) => [new Uint8Array(Buffer.concat(encoded))],
};

function reader(make: () => Codec, messages: readonly Message[], name: string): Contestant {
  const codec = make();
  check(codec, messages);
  const inputs = INPUTS[name]?.(messages.map(encode));
  if (inputs === undefined) throw new Error(`no case ${name}`);
  const inARow = MESSAGES / inputs.length;
  return {
    name: codec.name,
    run(times) {
      for (let index = 0; index < times; index++) {
        const at = index % MESSAGES;
        if (at % inARow === 0) codec.open(inputs[at / inARow] as Uint8Array);
        sink += codec.read();
      }
    },
  };
}

function allocator(make: () => Allocator, group: string, size: number): Contestant {
  const own = make();
  return {
    name: own.name,
    run(times) {
      sink += group === "pair" ? own.pair(size, times) : own.churn(size, times);
    },
  };
}

function contestants(group: string, argument: string): Contestant[] {
  if (group === "write" || group === "read") {
    const messages = makeMessages(group === "write" ? Number(argument) : 64);
    return group === "write"
      ? WRITERS.map((make) => writer(make, messages))
      : READERS.map((make) => reader(make, messages, argument));
  }
  const allocators = group === "node" ? POOLED_NODE : POOLED;
  return allocators.map((make) => allocator(make, group, Number(argument)));
}

function time({ run }: Contestant, times: number): number {
  gc();
  const start = process.hrtime.bigint();
  run(times);
  return Number(process.hrtime.bigint() - start) / times;
}

const [group = "", argument = "", rounds = "", roundMs = ""] = process.argv.slice(2);
const all = contestants(group, argument);
const figures = new Map<string, number[]>(all.map(({ name }) => [name, []]));
const times = all.map((contestant) => {
  let count = 64;
  let spent = 0;
  // Warm code tells how many operations a round takes.
  for (; spent * count < Number(roundMs) * 1e6; count *= 2) spent = time(contestant, count);
  return count;
});
for (let round = 0; round < Number(rounds); round++) {
  for (let turn = 0; turn < all.length; turn++) {
    const index = (turn + round) % all.length;
    const contestant = all[index] as Contestant;
    figures.get(contestant.name)?.push(time(contestant, times[index] as number));
  }
}
const medians: Figures = {};
for (const [name, values] of figures) medians[name] = median(steady(values));
console.log(JSON.stringify(medians));
if (sink === 0) throw new Error("nothing was done");

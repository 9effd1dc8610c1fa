/**
 * A process of `npm run bench:buffers`: all subjects of one case in turn. Prints ns per operation
 * by subject, as JSON: `process GROUP NAME ROUNDS ROUND_MS`.
 */
import { type Timed, timeInTurn } from "../../measure/inProcess.js";
import { type Codec, type MessageWriter, READERS, WRITERS } from "./codecs.js";
import { framers } from "./frames.js";
import { handles } from "./handles.js";
import { digest, encode, MESSAGES, type Message, makeMessages } from "./messages.js";
import { type Allocator, POOLED, POOLED_NODE } from "./pools.js";
import { receivers } from "./received.js";
import { structs } from "./structs.js";
import { unmaskers } from "./unmask.js";

/** Takes a result of every operation, so that none can be left out. */
let sink = 0;

/** @throws Error unless a subject writes a message's bytes, and reads them. */
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

function writer(make: () => MessageWriter, messages: readonly Message[]): Timed {
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

/** How messages come in. Messages of one input are read in a row. */
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

function reader(make: () => Codec, messages: readonly Message[], name: string): Timed {
  const codec = make();
  check(codec, messages);
  const inputs = INPUTS[name]?.(messages.map(encode));
  if (inputs === undefined) throw new Error(`there is no case ${name}`);
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

function allocator(make: () => Allocator, group: string, size: number): Timed {
  const own = make();
  return {
    name: own.name,
    run(times) {
      sink += group === "pair" ? own.pair(size, times) : own.churn(size, times);
    },
  };
}

function subjectsOf(group: string, name: string): Timed[] {
  switch (group) {
    case "write": {
      const messages = makeMessages(Number(name));
      return WRITERS.map((make) => writer(make, messages));
    }
    case "read": {
      const messages = makeMessages(64);
      return READERS.map((make) => reader(make, messages, name));
    }
    case "structs":
      sink++;
      return structs(name);
    case "bytes":
      sink++;
      return handles(name);
    case "frames":
      sink++;
      return framers(name);
    case "messages":
      sink++;
      return receivers(name);
    case "unmask": {
      const [size = 0, alignment = 0] = name.split("+").map(Number);
      // The bytes that it writes can be seen by others, so it cannot be left out.
      sink++;
      return unmaskers(size, alignment);
    }
    default: {
      const allocators = group === "node" ? POOLED_NODE : POOLED;
      return allocators.map((make) => allocator(make, group, Number(name)));
    }
  }
}

const [group = "", name = "", rounds = "", roundMs = ""] = process.argv.slice(2);
const figures = timeInTurn(subjectsOf(group, name), Number(rounds), Number(roundMs));
console.log(JSON.stringify(figures));
if (sink === 0) throw new Error("nothing was done");

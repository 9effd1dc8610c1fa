/** The text protocol: what each command does, and its answer. */
import { expiryOf } from "./items.js";
import { dataLength, wordsOf } from "./request.js";

const LF = 10;
const CRLF = 0x0d0a;
const KEY_CHARACTERS = 250;
const U32_MAX = 2 ** 32 - 1;
const U64_MAX = 2n ** 64n - 1n;
const FORMAT = "CLIENT_ERROR bad command line format";

/** The answers to what the items say; others are said as they are. */
const ANSWERS = {
  OUT_OF_MEMORY: "SERVER_ERROR out of memory storing object",
  TOO_LARGE: "SERVER_ERROR object too large for cache",
  NOT_A_NUMBER: "CLIENT_ERROR cannot increment or decrement non-numeric value",
};

/** The commands, each with the least and the most words that it has, besides "noreply". */
const COMMANDS = {
  get: [2, Infinity, (client, words) => get(client, words.slice(1), false)],
  gets: [2, Infinity, (client, words) => get(client, words.slice(1), true)],
  gat: [3, Infinity, getAndTouch],
  gats: [3, Infinity, getAndTouch],
  set: [5, 5, store],
  add: [5, 5, store],
  replace: [5, 5, store],
  append: [5, 5, store],
  prepend: [5, 5, store],
  cas: [6, 6, store],
  delete: [2, 3, remove],
  incr: [3, 3, add],
  decr: [3, 3, add],
  touch: [3, 3, touch],
  flush_all: [1, 2, flush],
  verbosity: [2, 2, () => "OK"],
  version: [1, Infinity, ({ cache }) => `VERSION ${cache.version}`],
  stats: [1, 2, stats],
  quit: [1, 1, ({ connection }) => void connection.end()],
  // A page can make a browser send a form to any port, and its lines would be commands.
  POST: [1, Infinity, ({ connection }) => void connection.end()],
};

/** The commands for which "noreply" is a word like others. */
const LOUD = ["get", "gets", "gat", "gats", "version", "stats", "quit"];

/**
 * Executes a request of text. Returns a promise if the answer may be long: the next one waits.
 * @param {import("./server.js").Client} client
 * @param {import("hakmem/buffers").Bytes} frame
 */
export function executeText(client, frame) {
  const { cache, connection } = client;
  const end = frame.indexOf(LF) + 1;
  if (end === 0) {
    connection.write("CLIENT_ERROR line too long\r\n");
    return connection.end();
  }
  cache.reader.reset(frame);
  const words = wordsOf(cache.reader.latin1(end));
  const isQuiet = !LOUD.includes(words[0]) && words.at(-1) === "noreply";
  if (isQuiet) words.pop();
  const length = dataLength(words) ?? 0;
  if (length > cache.itemBytes) client.dropping = length + 2;
  const answer = run(client, words, frame, end);
  if (typeof answer !== "string") return answer;
  if (!isQuiet) connection.write(`${answer}\r\n`);
}

/** Returns the answer, without CR LF; a promise, or undefined, if it has been written. */
function run(client, words, frame, dataStart) {
  const [least, most, command] = Object.hasOwn(COMMANDS, words[0]) ? COMMANDS[words[0]] : [];
  if (command === undefined || words.length < least) return "ERROR";
  if (words.length > most) return FORMAT;
  return command(client, words, frame, dataStart);
}

/** Returns the answer to something that the items said. */
function answerTo(result, stored = "STORED") {
  return result === "STORED" ? stored : (ANSWERS[result] ?? result);
}

function isKey(text) {
  return text.length <= KEY_CHARACTERS && !/[\0-\x20\x7f]/.test(text);
}

/** Returns a number from 0; undefined if the word is none. */
function toNumber(word, maximum) {
  const value = /^[0-9]{1,16}$/.test(word) ? Number(word) : Infinity;
  return value <= maximum ? value : undefined;
}

/** Returns when something expires; undefined if the word is no number of seconds. */
function toExpiry(word) {
  return /^-?[0-9]{1,12}$/.test(word) ? expiryOf(Number(word)) : undefined;
}

function toInteger64(word) {
  const value = /^[0-9]{1,20}$/.test(word) ? BigInt(word) : U64_MAX + 1n;
  return value <= U64_MAX ? value : undefined;
}

/** get KEY ... */
async function get({ cache, connection }, keys, withCas) {
  if (!keys.every(isKey)) {
    connection.write(`${FORMAT}\r\n`);
    return;
  }
  for (const key of keys) {
    const item = cache.items.look(key);
    if (item === undefined) continue;
    const { value, flags, cas } = item;
    const end = withCas ? ` ${cas}\r\n` : "\r\n";
    // Keys are any bytes, and text would be written as UTF-8.
    cache.writer.latin1(`VALUE ${key} ${flags} ${value.length}${end}`);
    connection.write(cache.writer.view());
    cache.writer.reset();
    connection.write(value.slice());
    connection.write("\r\n");
    // A line of many keys can ask for more than memory has.
    await connection.drained();
    if (!connection.isOpen) return;
  }
  connection.write("END\r\n");
}

/** gat EXPIRY KEY ... */
function getAndTouch(client, [name, time, ...keys]) {
  const expiry = toExpiry(time);
  if (expiry === undefined) return "CLIENT_ERROR invalid exptime argument";
  for (const key of keys) client.cache.items.touch(key, expiry);
  return get(client, keys, name === "gats");
}

/** set KEY FLAGS EXPIRY BYTES [CAS], and data */
function store({ cache }, words, frame, dataStart) {
  const [name, key, flagsWord, time, , casWord] = words;
  const length = dataLength(words);
  const flags = toNumber(flagsWord, U32_MAX);
  const expiry = toExpiry(time);
  const cas = name === "cas" ? toInteger64(casWord) : undefined;
  if (name === "cas" && cas === undefined) return FORMAT;
  if (flags === undefined || expiry === undefined || length === undefined) return FORMAT;
  if (!isKey(key)) return FORMAT;
  if (length > cache.itemBytes) return ANSWERS.TOO_LARGE;
  cache.reader.seek(dataStart + length);
  if (cache.reader.u16be() !== CRLF) return "CLIENT_ERROR bad data chunk";
  const value = frame.slice(dataStart, dataStart + length);
  const mode = name === "cas" ? "set" : name;
  return answerTo(cache.items.store(mode, key, value, flags, expiry, cas));
}

/** delete KEY [0] */
function remove({ cache }, [, key, time]) {
  if (!isKey(key) || (time ?? "0") !== "0") return `${FORMAT}.  Usage: delete <key> [noreply]`;
  return answerTo(cache.items.delete(key, undefined), "DELETED");
}

/** incr KEY AMOUNT */
function add({ cache }, [name, key, word]) {
  const amount = toInteger64(word);
  if (!isKey(key)) return FORMAT;
  if (amount === undefined) return "CLIENT_ERROR invalid numeric delta argument";
  const result = cache.items.add(key, name === "incr" ? amount : -amount, undefined);
  return typeof result === "bigint" ? String(result) : answerTo(result);
}

/** touch KEY EXPIRY */
function touch({ cache }, [, key, time]) {
  const expiry = toExpiry(time);
  if (!isKey(key) || expiry === undefined) return "CLIENT_ERROR invalid exptime argument";
  return cache.items.touch(key, expiry) === undefined ? "NOT_FOUND" : "TOUCHED";
}

/** flush_all [SECONDS] */
function flush({ cache }, [, time = "0"]) {
  const delay = toNumber(time, U32_MAX);
  if (delay === undefined) return FORMAT;
  cache.items.flush(delay === 0 ? 0 : expiryOf(delay));
  return "OK";
}

/** stats */
function stats({ cache }, [, kind]) {
  if (kind === "reset") {
    cache.items.forgetCounts();
    return "RESET";
  }
  if (kind !== undefined) return FORMAT;
  return [...cache.stats().map(([name, value]) => `STAT ${name} ${value}`), "END"].join("\r\n");
}

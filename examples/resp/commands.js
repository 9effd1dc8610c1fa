/** What each command does. */
import { isInteger, toInteger } from "./session.js";
import { NEVER } from "./table.js";

const FULL = "OOM command not allowed when used memory > 'maxmemory'.";
const NOT_INTEGER = "ERR value is not an integer or out of range";
const SYNTAX = "ERR syntax error";
/** The most ms that a key may have to live: beyond, a Date ends. */
const MOST_MS = 8_640_000_000_000_000;

/** The commands, each with how many words it has, or at least so many if the number is negative. */
const COMMANDS = /** @type {[string, number, (session: any) => unknown][]} */ ([
  ["GET", 2, (session) => session.entry(find(session, 1))],
  ["SET", -3, set],
  ["MGET", -2, mget],
  ["MSET", -3, mset],
  ["DEL", -2, (session) => session.number(countKeys(session, remove))],
  ["EXISTS", -2, (session) => session.number(countKeys(session, isThere))],
  ["STRLEN", 2, strlen],
  ["INCR", 2, (session) => add(session, 1n)],
  ["DECR", 2, (session) => add(session, -1n)],
  ["INCRBY", 3, (session) => add(session, session.integer(2))],
  ["EXPIRE", 3, (session) => expire(session, 1000)],
  ["PEXPIRE", 3, (session) => expire(session, 1)],
  ["PERSIST", 2, persist],
  ["TTL", 2, (session) => session.number(timeToLive(session, 1000))],
  ["PTTL", 2, (session) => session.number(timeToLive(session, 1))],
  ["DBSIZE", 1, (session) => session.number(session.table.size)],
  ["FLUSHALL", -1, flush],
  ["FLUSHDB", -1, flush],
  ["PING", -1, ping],
  ["ECHO", 2, (session) => session.argument(1)],
  ["SELECT", 2, select],
  ["HELLO", -1, hello],
  ["CLIENT", -2, client],
  ["COMMAND", -1, command],
  ["CONFIG", -2, config],
  ["INFO", -1, info],
  ["QUIT", -1, quit],
  // A page can make a browser send a form to any port, and its lines would be commands.
  ["POST", -1, (session) => session.connection.end()],
]);

/** The commands by a number that their names give. */
const byName = new Map(
  COMMANDS.map(([name, count, run]) => [
    hashOf(Buffer.from(name), 0, name.length),
    { name, count, run },
  ]),
);

/** Returns a number for a name, the same in upper and lower case. Text is not made of it. */
function hashOf(u8, at, length) {
  let hash = length;
  for (let index = at; index < at + length; index++) {
    hash = (Math.imul(hash, 31) + (u8[index] & 0xdf)) | 0;
  }
  return hash;
}

/** Executes the command that a session has taken. */
export function execute(session) {
  const { count } = session;
  if (count === 0) return;
  const length = session.length(0);
  const found = byName.get(length > 16 ? 0 : hashOf(session.shared.u8, session.at(0), length));
  if (found === undefined || !isNamed(session, found.name)) return unknown(session);
  const isRight = found.count < 0 ? count >= -found.count : count === found.count;
  if (isRight) found.run(session);
  else wrongCount(session, found.name);
}

function isNamed(session, name) {
  const { u8 } = session.shared;
  const at = session.at(0);
  if (session.length(0) !== name.length) return false;
  for (let index = 0; index < name.length; index++) {
    if ((u8[at + index] & 0xdf) !== name.charCodeAt(index)) return false;
  }
  return true;
}

function unknown(session) {
  let words = "";
  for (let index = 1; index < session.count && words.length < 128; index++) {
    words += `'${session.quoted(index)}' `;
  }
  session.error(`ERR unknown command '${session.quoted(0)}', with args beginning with: ${words}`);
}

function wrongCount(session, name) {
  session.error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}

/** Returns the entry of the key that an argument is, or 0. */
function find(session, index) {
  return session.table.get(session.at(index), session.length(index));
}

function isThere(session, index) {
  return find(session, index) !== 0;
}

function remove(session, index) {
  return session.table.delete(session.at(index), session.length(index));
}

/** Sets the key that an argument is to the argument after it. Returns false if it is full. */
function store(session, index, expiry) {
  const value = session.at(index + 1);
  const length = session.length(index + 1);
  const { shared, table } = session;
  return table.set(session.at(index), session.length(index), shared.u8, value, length, expiry);
}

function set(session) {
  if (session.count > 3) return setWith(session);
  if (store(session, 1, NEVER)) session.ok();
  else session.error(FULL);
}

/** SET key value [NX | XX] [GET] [KEEPTTL | EX s | PX ms] */
function setWith(session) {
  let expiry = NEVER;
  /** @type {Set<string>} */
  const words = new Set();
  for (let index = 3; index < session.count; index++) {
    const word = session.word(index);
    if (!["NX", "XX", "GET", "KEEPTTL", "EX", "PX"].includes(word)) return session.error(SYNTAX);
    words.add(word);
    if (word !== "EX" && word !== "PX") continue;
    if (++index === session.count) return session.error(SYNTAX);
    const time = expiryOf(session, index, word === "EX" ? 1000 : 1);
    if (time === undefined) return;
    expiry = time;
  }
  const times = ["EX", "PX", "KEEPTTL"].filter((word) => words.has(word));
  if (times.length > 1 || (words.has("NX") && words.has("XX"))) return session.error(SYNTAX);
  const entry = find(session, 1);
  if (words.has("KEEPTTL") && entry !== 0) expiry = session.table.expiryOf(entry);
  const old = words.has("GET") && entry !== 0 ? textOf(session, entry) : undefined;
  const isWanted = !(words.has("NX") && entry !== 0) && !(words.has("XX") && entry === 0);
  if (isWanted && !store(session, 1, expiry)) return session.error(FULL);
  if (old !== undefined) session.bulk(old);
  else if (words.has("GET") || !isWanted) session.none();
  else session.ok();
}

/** Returns the time that lies as far ahead as an argument says; answers if that is no time. */
function expiryOf(session, index, unitMs) {
  const value = session.integer(index);
  if (value === undefined) {
    session.error(NOT_INTEGER);
    return undefined;
  }
  const time = Date.now() + Number(value) * unitMs;
  if (value > 0n && time <= MOST_MS) return time;
  session.error(`ERR invalid expire time in '${session.quoted(0).toLowerCase()}' command`);
  return undefined;
}

function mget(session) {
  session.reply(`*${session.count - 1}\r\n`);
  for (let index = 1; index < session.count; index++) session.entry(find(session, index));
}

/** Sets one key after the other; those before the first for which there is no room are set. */
function mset(session) {
  if (session.count % 2 === 0) return wrongCount(session, "mset");
  for (let index = 1; index < session.count; index += 2) {
    if (!store(session, index, NEVER)) return session.error(FULL);
  }
  session.ok();
}

/** Returns for how many of the arguments something is so. */
function countKeys(session, isSo) {
  let found = 0;
  for (let index = 1; index < session.count; index++) if (isSo(session, index)) found++;
  return found;
}

function strlen(session) {
  const entry = find(session, 1);
  session.number(entry === 0 ? 0 : session.table.valueLength(entry));
}

function add(session, amount) {
  const { table } = session;
  const entry = find(session, 1);
  const text = entry === 0 ? "0" : textOf(session, entry);
  const old = toInteger(text);
  if (old === undefined || amount === undefined) return session.error(NOT_INTEGER);
  const value = old + amount;
  if (!isInteger(value)) return session.error("ERR increment or decrement would overflow");
  const digits = Buffer.from(String(value));
  const expiry = entry === 0 ? NEVER : table.expiryOf(entry);
  const [key, length] = [session.at(1), session.length(1)];
  if (table.set(key, length, digits, 0, digits.length, expiry)) session.number(value);
  else session.error(FULL);
}

function textOf({ shared, table }, entry) {
  const end = table.replyOf(entry) + table.replyLength(entry) - 2;
  return shared.text.toString("latin1", end - table.valueLength(entry), end);
}

function expire(session, unitMs) {
  const value = session.integer(2);
  if (value !== undefined && value <= 0n) return session.number(remove(session, 1) ? 1 : 0);
  const time = expiryOf(session, 2, unitMs);
  if (time === undefined) return;
  const entry = find(session, 1);
  if (entry !== 0) session.table.setExpiry(entry, time);
  session.number(entry === 0 ? 0 : 1);
}

function persist(session) {
  const entry = find(session, 1);
  const isTimed = entry !== 0 && session.table.expiryOf(entry) !== NEVER;
  if (isTimed) session.table.setExpiry(entry, NEVER);
  session.number(isTimed ? 1 : 0);
}

function timeToLive(session, unitMs) {
  const entry = find(session, 1);
  if (entry === 0) return -2;
  const expiry = session.table.expiryOf(entry);
  return expiry === NEVER ? -1 : Math.ceil((expiry - Date.now()) / unitMs);
}

function flush(session) {
  session.table.clear();
  session.ok();
}

function ping(session) {
  if (session.count > 2) wrongCount(session, "ping");
  else if (session.count === 2) session.argument(1);
  else session.reply("+PONG\r\n");
}

function select(session) {
  if (session.text(1) === "0") session.ok();
  else session.error("ERR DB index is out of range");
}

/** HELLO [version [AUTH user password] [SETNAME name]] */
function hello(session) {
  if (session.count > 1) {
    const version = session.text(1);
    if (version !== "2" && version !== "3") {
      return session.error("NOPROTO unsupported protocol version");
    }
    for (let index = 2; index < session.count; ) {
      const word = session.word(index);
      if (word === "AUTH") return session.error("ERR this server has no passwords");
      if (word !== "SETNAME" || index + 1 === session.count) return session.error(SYNTAX);
      session.name = session.quoted(index + 1);
      index += 2;
    }
    session.version = Number(version);
  }
  session.map([
    ["server", "hakmem"],
    ["version", "7.0.0"],
    ["proto", session.version],
    ["id", session.id],
    ["mode", "standalone"],
    ["role", "master"],
  ]);
}

function client(session) {
  const word = session.word(1);
  if (word === "SETNAME" && session.count === 3) session.name = session.quoted(2);
  else if (word === "GETNAME") return session.bulk(session.name);
  else if (word === "ID") return session.number(session.id);
  else if (word !== "SETINFO") return unknownPart(session);
  session.ok();
}

function command(session) {
  if (session.count > 1 && session.word(1) === "COUNT") session.number(COMMANDS.length);
  else session.reply("*0\r\n");
}

function config(session) {
  if (session.word(1) !== "GET" || session.count < 3) return unknownPart(session);
  /** @type {readonly (readonly [string, string])[]} */
  const all = [
    ["maxmemory", String(session.shared.maxmemory)],
    ["save", ""],
    ["appendonly", "no"],
  ];
  const wanted = session.text(2).toLowerCase();
  session.map(all.filter(([name]) => wanted === "*" || wanted === name));
}

function unknownPart(session) {
  session.error(`ERR unknown subcommand or wrong number of arguments for '${session.quoted(1)}'`);
}

function info(session) {
  const { shared, table } = session;
  session.bulk(
    [
      "# Server",
      "redis_version:7.0.0",
      "redis_mode:standalone",
      `process_id:${process.pid}`,
      "# Clients",
      `connected_clients:${shared.clients()}`,
      "# Memory",
      `used_memory:${table.bytes}`,
      `maxmemory:${shared.maxmemory}`,
      "maxmemory_policy:noeviction",
      "# Keyspace",
      `db0:keys=${table.size}`,
      "",
    ].join("\r\n"),
  );
}

function quit(session) {
  session.ok();
  session.connection.end();
}

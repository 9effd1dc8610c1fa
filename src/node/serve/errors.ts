import { BufferError } from "../../index.js";

/** Returns the error of a peer that does not take what is written. */
export function tooMuchWaits(got: number, most: number): BufferError {
  const message = `${got} bytes wait for the peer, which does not take them; at most ${most} may`;
  return new BufferError("ERR_TOO_LARGE", message, { got, most });
}

/** Returns the error of the connection that is ended because all hold too much. */
export function holdsMost(got: number, most: number): BufferError {
  const message = `the connections of the pool hold more than ${most} bytes, this one the most`;
  return new BufferError("ERR_TOO_LARGE", message, { got, most });
}

/** Returns the error for a connection that has ended or failed. */
export function notOpen(): BufferError {
  return new BufferError("ERR_CLOSED", "the connection is not open");
}

/** Returns the error of a time limit. */
export function timedOut(option: string, what: string, limit: number): BufferError {
  const message = `${what} for ${limit} ms, which is the option ${option}`;
  return new BufferError("ERR_TIMEOUT", message, { option, limit });
}

import { type Bytes, type BytesPool, joinParts } from "../../buffers/internal.js";

const examples = new WeakMap<object, object>();

/**
 * Keeps an object that nobody uses as long as a framer. V8 forgets the shape of objects of which a
 * collection finds none, and throws the code away that makes them: with it a short message takes
 * three times as long after each collection.
 */
export function keepShape<B extends ArrayBufferLike>(
  framer: object,
  pool: BytesPool<B>,
  make: (payload: Bytes<B>) => object,
): void {
  const payload = joinParts(pool, [], false);
  payload.release();
  examples.set(framer, make(payload));
}

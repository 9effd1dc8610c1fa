/** One bucket per ns up to EXACT; above, 128 per octave (within 0.4 %): native/histogram.h. */
const EXACT_BITS = 12;
const EXACT: number = 1 << EXACT_BITS;
const SUB_BITS = 7;
const SUBS: number = 1 << SUB_BITS;
/** Up to 2^40 ns, some 18 minutes. */
const MAX_BITS = 40;
export const BUCKETS: number = EXACT + (MAX_BITS - EXACT_BITS) * SUBS;

export function bucketOf(ns: number): number {
  if (ns < EXACT) return Math.max(0, ns);
  const octave = Math.min(MAX_BITS - 1, Math.floor(Math.log2(ns)));
  const sub = Math.min(SUBS - 1, Math.floor(ns / 2 ** (octave - SUB_BITS)) - SUBS);
  return EXACT + (octave - EXACT_BITS) * SUBS + Math.max(0, sub);
}

export function bucketNs(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const octave = EXACT_BITS + Math.floor((bucket - EXACT) / SUBS);
  const width = 2 ** (octave - SUB_BITS);
  return (SUBS + ((bucket - EXACT) % SUBS)) * width + width / 2;
}

/** Returns the ns at each percentile of all the counts together. */
export function curveOf(
  counts: readonly Uint32Array[],
  percentiles: readonly number[],
): [number, number][] {
  const sums = Float64Array.from({ length: BUCKETS }, (_, bucket) =>
    counts.reduce((sum, own) => sum + (own[bucket] as number), 0),
  );
  const total = sums.reduce((a, b) => a + b, 0);
  return percentiles.map((percentile) => {
    const rank = Math.max(1, (percentile / 100) * total);
    let seen = sums[0] as number;
    let bucket = 0;
    while (seen < rank && bucket < BUCKETS - 1) seen += sums[++bucket] as number;
    return [percentile, Math.max(1, bucketNs(bucket))];
  });
}

/* Latencies: how often an event took how many ns. */
/* A bucket per ns up to EXACT; above, 128 per octave: within 0.4 %. */
enum { EXACT_BITS = 12, EXACT = 1 << EXACT_BITS, SUB_BITS = 7, SUBS = 1 << SUB_BITS };
enum { BUCKETS = EXACT + (64 - EXACT_BITS) * SUBS };
struct histogram {
  uint64_t recorded, least, most, counts[BUCKETS];
};
static struct histogram all;

static void clear_histogram(struct histogram *h) {
  memset(h, 0, sizeof *h);
  h->least = UINT64_MAX;
}

static void record(struct histogram *h, uint64_t ns) {
  h->recorded++;
  if (ns < h->least) h->least = ns;
  if (ns > h->most) h->most = ns;
  unsigned octave = 63 - (unsigned)__builtin_clzll(ns | 1), sub = SUBS - 1;
  if (ns < EXACT) h->counts[ns]++;
  else h->counts[EXACT + (octave - EXACT_BITS) * SUBS + ((ns >> (octave - SUB_BITS)) & sub)]++;
}

static void add_histogram(const struct histogram *h) {
  all.recorded += h->recorded;
  if (h->least < all.least) all.least = h->least;
  if (h->most > all.most) all.most = h->most;
  for (unsigned i = 0; i < BUCKETS; i++) all.counts[i] += h->counts[i];
}

static uint64_t bucket_ns(unsigned index) {
  if (index < EXACT) return index;
  unsigned octave = EXACT_BITS + (index - EXACT) / SUBS;
  uint64_t width = 1ull << (octave - SUB_BITS);
  return (SUBS + (index - EXACT) % SUBS) * width + width / 2;
}

static uint64_t percentile_ns(double percentile) {
  double rank = percentile / 100 * (double)all.recorded;
  uint64_t seen = 0;
  unsigned index = 0;
  if (all.recorded == 0 || percentile >= 100) return all.most;
  if (percentile <= 0) return all.least;
  while ((double)(seen += all.counts[index]) < rank) index++;
  uint64_t ns = bucket_ns(index);
  return ns > all.most ? all.most : ns < all.least ? all.least : ns;
}

static uint64_t measure_timer(void) {
  clear_histogram(&all);
  for (int pair = 0; pair < TIMER_PAIRS; pair++) {
    uint64_t start = now_ns();
    record(&all, now_ns() - start);
  }
  return percentile_ns(50);
}

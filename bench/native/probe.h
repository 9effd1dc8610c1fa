/* The clock, and the probe that tells how busy this core is: both C programs have them. */
static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* As bench/subject/probe.ts: the fewer units of this core are left, the longer it takes. */
static uint64_t probe(void) {
  uint64_t least = UINT64_MAX;
  for (int time = 0; time < 3; time++) {
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, start = now_ns();
    for (int i = 0; i < 20000; i++) {
      a += 1, b += 2, c += 3, d += 4, e += 5, f += 6;
      __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    }
    uint64_t ns = now_ns() - start;
    if (ns < least) least = ns;
  }
  return least;
}

/* Returns the slower of two probes, those before and after what is timed. */
static uint64_t slower(uint64_t before, uint64_t after) { return after > before ? after : before; }
